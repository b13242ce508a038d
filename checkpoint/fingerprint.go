package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// FingerprintOptions say how a fingerprint is computed; the zero value is the default.
type FingerprintOptions struct {
	// Cache is a folder that keeps what was computed for files by their path, size and time of change; it is
	// made if need be. Empty: nothing is kept. What lies in memory is computed each time.
	Cache string
}

// Fingerprint identifies a base: "sha256:" and 64 hexadecimal digits of the SHA-256 of the text
//
//	trimtab fingerprint 1
//	tensors HASH
//	config HASH
//
// with a newline after every line. The first HASH is the hexadecimal SHA-256 of a line for each tensor, in the byte order of their names:
// the hexadecimal SHA-256 of its row-major bytes, its type, its shape and its name as a JSON string, divided by spaces:
//
//	HASH F32 [2, 3] "bert.pooler.dense.weight"
//
// The second is that of config, the canonical JSON (see [CanonicalJSON]) of those keys of the base's configuration
// that change the computation. One file and shards of the same tensors have the same fingerprint. Tensors are hashed
// on all cores.
func (f *File) Fingerprint(config []byte, o FingerprintOptions) (string, error) {
	tensors, err := f.tensorsHash(o.Cache)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "trimtab fingerprint 1\ntensors %s\nconfig %x\n", tensors, sha256.Sum256(config)))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// tensorsHash hashes all tensors, or finds the hash in the cache.
func (f *File) tensorsHash(cache string) (string, error) {
	if cache == "" || f.memory {
		return f.hashTensors(), nil
	}
	identity, err := f.identity()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, identity)
	kept, err := os.ReadFile(path)
	if err == nil && len(kept) == 2*sha256.Size {
		return string(kept), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	hash := f.hashTensors()
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return "", err
	}
	return hash, WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, hash)
		return err
	})
}

// identity names the files as they are now: a hash of paths, sizes and times of change.
func (f *File) identity() (string, error) {
	h := sha256.New()
	for _, s := range f.sources {
		path, err := filepath.Abs(s.path)
		if err != nil {
			return "", err
		}
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashTensors makes the list of tensors, hashing their bytes on all cores, and hashes it.
func (f *File) hashTensors() string {
	names := f.Names()
	lines := make([][]byte, len(names))
	order := make([]int, len(names)) // the largest first, to keep all cores busy to the end
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return len(f.entries[names[b]].data) - len(f.entries[names[a]].data)
	})
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				at := int(next.Add(1)) - 1
				if at >= len(order) {
					return
				}
				i := order[at]
				e := f.entries[names[i]]
				line := fmt.Appendf(nil, "%x %v %v ", sha256.Sum256(e.bytes()), e.dtype, e.shape)
				lines[i] = append(appendText(line, e.name), '\n')
				e.release()
			}
		})
	}
	workers.Wait()
	list := sha256.New()
	for _, line := range lines {
		list.Write(line)
	}
	return hex.EncodeToString(list.Sum(nil))
}
