//go:build unix

package checkpoint

import (
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile maps a file for reading. The mapping outlives the file's name, but not a truncation
// of the file: nobody may shorten it while it is mapped.
func mapFile(path string) (data []byte, mapped bool, unmap func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, nil, fmt.Errorf("%s: %w: not a regular file", path, ErrFormat)
	}
	size := info.Size()
	if size == 0 { // cannot be mapped
		return nil, false, func() error { return nil }, nil
	}
	if size > math.MaxInt {
		return nil, false, nil, fmt.Errorf("%s: %d bytes are too many to map", path, size)
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, false, nil, fmt.Errorf("map %s: %w", path, err)
	}
	return data, true, func() error { return syscall.Munmap(data) }, nil
}

// release gives the whole pages of a part of a mapping back: they are read from the file again when they are touched.
func release(data []byte) {
	page := os.Getpagesize()
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(data))) % uintptr(page))
	if n := (len(data) - skip) / page * page; n > 0 {
		_ = unix.Madvise(data[skip:skip+n], unix.MADV_DONTNEED) // what the system keeps costs memory and nothing else
	}
}
