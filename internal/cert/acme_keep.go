package cert

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/acmezone/acmezone/internal/zone"
)

// certificates is the folder of all certificates, as certmagic lays it out.
const certificates = "certificates"

// keepAgain is how soon a certificate that couldn't be kept is tried to be kept again.
const keepAgain = time.Minute

// issued is a certificate as the files of its folder have it, by their names: chain, key,
// and what the library wants to know of it when it is renewed.
type issued map[string][]byte

// pair is the certificate with its key, if it is one for the host.
func (i issued) pair(host string) (*tls.Certificate, error) {
	name := certmagic.StorageKeys.Safe(host)
	pair, err := tls.X509KeyPair(i[name+".crt"], i[name+".key"])
	if err != nil {
		return nil, err
	}
	if err := pair.Leaf.VerifyHostname(host); err != nil {
		return nil, err
	}
	return &pair, nil
}

// folder is where the certificate is, below the storage.
func (a ACME) folder() string {
	return filepath.FromSlash(certmagic.StorageKeys.CertsSitePrefix(a.issuer(), a.Host))
}

// keep writes the certificate in use down. Until that has succeeded it is tried again,
// without another order, of which CAs give few.
func (m *Managed) keep(got issued) {
	err := m.write(got)
	if err == nil {
		if m.unkept != nil {
			m.Log.Info("the certificate in use is stored now", "host", m.Host, "folder", m.Storage)
		}
		m.unkept = nil
		m.note(func(s *zone.CertificateStatus) { s.NotStored = "" })
		return
	}
	if m.unkept == nil {
		m.Log.Error("the certificate in use can't be stored, and a restart would lose it: it is tried again every minute", "host", m.Host, "folder", m.Storage, "err", err)
	}
	m.unkept, m.keepAt = got, time.Now().Add(keepAgain)
	m.note(func(s *zone.CertificateStatus) { s.NotStored = oneLine(err.Error()) })
}

func (m *Managed) write(got issued) error {
	folder := filepath.Join(m.Storage, m.folder())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := handOver(m.Storage, m.folder()); err != nil {
		return err
	}
	return replaceFiles(folder, got)
}

// stored loads the certificate from the folder; an error of fs.ErrNotExist means that
// there is none.
func (m *Managed) stored() (*tls.Certificate, error) {
	return m.load(filepath.Join(m.Storage, m.folder()))
}

func (m *Managed) load(folder string) (*tls.Certificate, error) {
	got := issued{}
	for _, ending := range []string{".key", ".crt"} {
		name := certmagic.StorageKeys.Safe(m.Host) + ending
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		got[name] = content
	}
	pair, err := got.pair(m.Host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return pair, nil
}

// storedElsewhere is the certificate for the host that another CA has signed and that is
// good for longest; nil if there is none that is good.
func (m *Managed) storedElsewhere(now time.Time) (best *tls.Certificate) {
	authorities, _ := os.ReadDir(filepath.Join(m.Storage, certificates))
	for _, a := range authorities {
		pair, err := m.load(filepath.Join(m.Storage, certificates, a.Name(), filepath.Base(m.folder())))
		if err != nil || now.Before(pair.Leaf.NotBefore) || !now.Before(pair.Leaf.NotAfter) {
			continue
		}
		if best == nil || pair.Leaf.NotAfter.After(best.Leaf.NotAfter) {
			best = pair
		}
	}
	return best
}
