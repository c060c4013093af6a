package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MakeDir makes a folder for secrets, mode 0700, and forces the mode on one that exists.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("vault: make folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("vault: close folder to others: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}

// CreateFile writes a secret that must not exist yet, mode 0600, file and folder
// on disk when it returns. Another one's file is never replaced: fs.ErrExist.
func CreateFile(path string, data []byte) error {
	tmp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	err = os.Link(tmp, path)
	err = errors.Join(err, os.Remove(tmp))
	if err != nil {
		return fmt.Errorf("vault: create %s: %w", filepath.Base(path), err)
	}
	return syncDir(filepath.Dir(path))
}

// ReplaceFile writes a secret, mode 0600, in place of an older one: whole or not at all.
func ReplaceFile(path string, data []byte) error {
	tmp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("vault: replace %s: %w", filepath.Base(path), errors.Join(err, os.Remove(tmp)))
	}
	return syncDir(filepath.Dir(path))
}

func writeTemp(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600 by contract
	if err != nil {
		return "", fmt.Errorf("vault: write %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("vault: write %s: %w", filepath.Base(path), errors.Join(err, os.Remove(f.Name())))
	}
	return f.Name(), nil
}

// syncDir makes a new name durable; without it a power cut may lose the name of
// a file whose content was safe.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("vault: sync folder: %w", err)
	}
	err = d.Sync()
	if err = errors.Join(err, d.Close()); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return fmt.Errorf("vault: sync folder: %w", err)
	}
	return nil
}
