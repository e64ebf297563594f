package web

import (
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Basic makes a header of the user part of a URL, if it has one.
func Basic(user *url.Userinfo, name string) []Header {
	if user == nil {
		return nil
	}
	password, _ := user.Password()
	return []Header{{name, "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))}}
}

// ProxyFrom reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY (or the same in small letters) once, with the usual meaning.
func ProxyFrom(env func(string) (string, bool)) func(*url.URL) *url.URL {
	value := func(name string) string {
		if text, _ := env(name); text != "" {
			return text
		}
		text, _ := env(strings.ToLower(name))
		return text
	}
	proxies := map[string]*url.URL{"http": proxyURL(value("HTTP_PROXY")), "https": proxyURL(value("HTTPS_PROXY"))}
	except := strings.FieldsFunc(value("NO_PROXY"), func(c rune) bool { return c == ',' || c == ' ' })
	return func(to *url.URL) *url.URL {
		if proxy := proxies[to.Scheme]; proxy != nil && !excepted(to, except) {
			return proxy
		}
		return nil
	}
}

func proxyURL(text string) *url.URL {
	if text != "" && !strings.Contains(text, "://") {
		text = "http://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return nil
	}
	return parsed
}

// This machine is always asked directly. An entry is *, a name with all below it, an address, a network; each may
// have a port.
func excepted(to *url.URL, except []string) bool {
	host := strings.ToLower(strings.TrimSuffix(to.Hostname(), "."))
	ip, err := netip.ParseAddr(host)
	isAddress := err == nil
	if host == "localhost" || (isAddress && ip.Unmap().IsLoopback()) {
		return true
	}
	_, port, _ := net.SplitHostPort(address(to))
	for _, entry := range except {
		entry = strings.ToLower(entry)
		if entry == "*" {
			return true
		}
		if network, err := netip.ParsePrefix(entry); err == nil {
			if isAddress && network.Contains(ip.Unmap()) {
				return true
			}
			continue
		}
		if name, number, err := net.SplitHostPort(entry); err == nil {
			if number != port {
				continue
			}
			entry = name
		}
		if address, err := netip.ParseAddr(entry); err == nil {
			if isAddress && address == ip {
				return true
			}
			continue
		}
		entry = strings.TrimPrefix(entry, "*")
		name := strings.TrimPrefix(entry, ".")
		if (host == name && entry == name) || strings.HasSuffix(host, "."+name) {
			return true
		}
	}
	return false
}
