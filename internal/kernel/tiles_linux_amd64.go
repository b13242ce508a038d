//go:build linux && amd64 && !noasm

package kernel

import "syscall"

// Of arch_prctl: to ask that threads may have the state of tiles, which is saved with them.
const (
	requestPermission = 0x1023
	tileData          = 18
)

// tilesAllowed asks Linux for AMX's registers, which a process has only then.
func tilesAllowed() bool {
	_, _, failed := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return failed == 0
}
