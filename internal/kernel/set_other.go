//go:build !amd64 || noasm

package kernel

func machineTiers() []*Set { return nil }
