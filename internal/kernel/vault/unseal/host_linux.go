package unseal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Harden keeps this process's memory out of core dumps and away from debuggers of
// the same user. `straza unseal` calls it before it reads a key.
func Harden() error {
	return errors.Join(unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0), unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}))
}

// lockWait is how long a start waits for the process before it to finish.
var lockWait = 5 * time.Second

// lockFolder makes sure of one process per folder.
func lockFolder(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("unseal: lock: %w", err)
	}
	for end := time.Now().Add(lockWait); ; {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			return nil, errors.Join(fmt.Errorf("unseal: another unsealing process has this folder: %w", err), f.Close())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// shortName gives a name for a socket that fits the 107 bytes which the kernel
// allows, by way of an open folder. close only after the name is no longer used.
func shortName(path string) (name string, dir *os.File, err error) {
	dir, err = os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("unseal: socket: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), dir, nil
}

func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	name, dir, err := shortName(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var d net.Dialer
	return d.DialContext(ctx, "unix", name)
}

// listenUnix opens a socket that only the users of uids may use. An abandoned
// socket of that name is removed, a living one is not.
func listenUnix(path string, uids []int) (net.Listener, error) {
	if c, err := dialUnix(context.Background(), path); err == nil {
		return nil, errors.Join(fmt.Errorf("unseal: %s is in use", filepath.Base(path)), c.Close())
	}
	if st, err := os.Lstat(path); err == nil && st.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("unseal: socket: %w", err)
		}
	}
	name, dir, err := shortName(path)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unseal: socket: %w", err), dir.Close())
	}
	mode := fs.FileMode(0o600)
	if len(uids) > 2 { // others are named: the file lets them knock, the check below decides
		mode = 0o666
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("unseal: socket: %w", err), l.Close(), dir.Close())
	}
	return &peerListener{Listener: l, dir: dir, uids: uids}, nil
}

// peerListener drops connections of other users, as the kernel names them.
type peerListener struct {
	net.Listener
	dir  *os.File
	uids []int
}

func (l *peerListener) Close() error { return errors.Join(l.Listener.Close(), l.dir.Close()) }

func (l *peerListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, err := peerUID(c); err == nil && slices.Contains(l.uids, uid) {
			return c, nil
		}
		_ = c.Close() // a stranger: nothing to say to it
	}
}

func peerUID(c net.Conn) (uid int, err error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return -1, errors.New("unseal: not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Ucred
	err2 := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, err2); err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
