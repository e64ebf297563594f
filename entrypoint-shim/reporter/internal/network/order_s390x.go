package network

const littleEndian = false
