package unseal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"straza/internal/kernel/vault"
)

// loadOrMake reads a file of the folder, or makes it.
func loadOrMake[T any](path string, make func() ([]byte, error), read func(string) T) (T, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = make(); err == nil {
			err = vault.CreateFile(path, data)
		}
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("unseal: %s: %w", filepath.Base(path), err)
	}
	return read(string(data)), nil
}

// loadCertificate gives the network door's own certificate and its fingerprint.
// Nobody else vouches for it: the web node pins the fingerprint.
func loadCertificate(path string, rand io.Reader, now time.Time) (cert tls.Certificate, print string, err error) {
	text, err := loadOrMake(path, func() ([]byte, error) { return makeCertificate(rand, now) }, func(s string) string { return s })
	if err != nil {
		return cert, "", err
	}
	if cert, err = tls.X509KeyPair([]byte(text), []byte(text)); err != nil {
		return cert, "", fmt.Errorf("unseal: %s is damaged", tlsFile)
	}
	return cert, fingerprint(cert.Certificate[0]), nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func makeCertificate(rand io.Reader, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand)
	if err != nil {
		return nil, fmt.Errorf("unseal: certificate: %w", err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "straza unseal"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(20, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("unseal: certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("unseal: certificate: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...), nil
}

// pinned trusts one certificate and nothing else.
func pinned(print string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // replaced by the comparison below, which is stricter than a chain
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 0 || fingerprint(c.PeerCertificates[0].Raw) != print {
				return errors.New("unseal: the other side's certificate is not the one named in --unseal")
			}
			return nil
		}}
}
