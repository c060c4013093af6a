package outbound

import (
	"context"
	"errors"
	"net"
)

// Known tells whether a host's name leads to an address: for `straza doctor`.
func Known(ctx context.Context, host string) error {
	_, err := new(net.Resolver).LookupHost(ctx, host)
	return err
}

// TakesMail tells whether a domain names a mail server (RFC 5321 §5.1).
func TakesMail(ctx context.Context, domain string) error {
	mx, err := new(net.Resolver).LookupMX(ctx, domain)
	if err == nil && len(mx) == 0 {
		err = errors.New("no mail server is named")
	}
	return err
}
