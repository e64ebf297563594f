package roots

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

func TestBuiltIn(t *testing.T) {
	certificates, err := x509.ParseCertificates(embedded)
	if err != nil || len(certificates) < 100 {
		t.Fatal(len(certificates), err)
	}
	names := ""
	for _, certificate := range certificates {
		if !certificate.IsCA && certificate.Version > 1 {
			t.Errorf("%s is no authority", certificate.Subject)
		}
		if certificate.NotAfter.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s has expired", certificate.Subject)
		}
		names += certificate.Subject.String() + "\n"
	}
	for _, name := range []string{"ISRG Root X1", "DigiCert Global Root G2", "Amazon Root CA 1", "GTS Root R1"} {
		if !strings.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if pool := builtIn(); pool.Equal(x509.NewCertPool()) {
		t.Error("the pool is empty")
	}
}
