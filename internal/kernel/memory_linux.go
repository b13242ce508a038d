package kernel

import (
	"os"
	"syscall"
	"unsafe"
)

// adviseHuge is Linux's MADV_HUGEPAGE.
const adviseHuge = 14

// huge asks for huge pages, for the whole pages of b; a system that has none goes on with small ones.
func huge(b []byte) {
	page := os.Getpagesize()
	from := int(-uintptr(unsafe.Pointer(&b[0])) % uintptr(page))
	if whole := (len(b) - from) / page * page; whole > 0 {
		_ = syscall.Madvise(b[from:from+whole], adviseHuge)
	}
}
