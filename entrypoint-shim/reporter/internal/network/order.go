//go:build !s390x

package network

const littleEndian = true
