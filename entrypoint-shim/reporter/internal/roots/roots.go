// Package roots has the certificate authorities: the image's own, or, for an image without any, Mozilla's as of the
// Debian package that the file `source` names (data under the Mozilla Public License 2.0; ../../../refresh-roots.sh).
package roots

import (
	"crypto/x509"
	_ "embed"
	"sync"
)

// Certificates in DER, one after the other: a third smaller than as text.
//
//go:embed roots.der
var embedded []byte

// Pool is made when the first https sink needs it.
var Pool = sync.OnceValue(func() *x509.CertPool {
	if system, err := x509.SystemCertPool(); err == nil && !system.Equal(x509.NewCertPool()) {
		return system
	}
	return builtIn()
})

func builtIn() *x509.CertPool {
	pool := x509.NewCertPool()
	certificates, err := x509.ParseCertificates(embedded)
	if err != nil {
		return pool
	}
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return pool
}
