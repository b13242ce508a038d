//go:build !linux && amd64 && !noasm

package kernel

// tilesAllowed says no: how other systems are asked for AMX's registers is not known here.
func tilesAllowed() bool { return false }
