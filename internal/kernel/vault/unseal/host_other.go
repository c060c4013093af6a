//go:build !linux

package unseal

import (
	"context"
	"errors"
	"io"
	"net"
)

// The unsealing process asks the kernel who is at the socket; only Linux is done.
var errLinux = errors.New("unseal: runs on Linux only")

// Harden does nothing here.
func Harden() error { return nil }

func lockFolder(string) (io.Closer, error) { return nil, errLinux }

func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func listenUnix(string, []int) (net.Listener, error) { return nil, errLinux }
