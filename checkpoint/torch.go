package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
	"strings"

	"github.com/nlpodyssey/gopickle/types"

	"trimtab/tensor"
)

// parseTorchZip reads what torch.save writes since PyTorch 1.6: a zip archive of uncompressed
// records NAME/data.pkl and NAME/data/KEY, one a storage.
func parseTorchZip(file []byte) ([]*entry, error) {
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPickle, err)
	}
	records := map[string]*zip.File{}
	prefix, found := "", false
	for _, r := range archive.File {
		if _, twice := records[r.Name]; twice {
			return nil, fmt.Errorf("%w: record %s", ErrDuplicate, r.Name)
		}
		records[r.Name] = r
		if folder, ok := strings.CutSuffix(r.Name, "data.pkl"); ok && strings.Count(folder, "/") == 1 {
			prefix, found = folder, true
		}
	}
	if !found {
		return nil, fmt.Errorf("%w: no data.pkl in the archive", ErrPickle)
	}
	if _, script := records[prefix+"constants.pkl"]; script {
		return nil, fmt.Errorf("%w: TorchScript, expected saved tensors", ErrPickle)
	}
	if r, ok := records[prefix+"byteorder"]; ok {
		order, err := record(file, r)
		if err != nil {
			return nil, err
		}
		if string(order) != "little" {
			return nil, fmt.Errorf("%w: byte order %.10q, expected little", ErrStrided, order)
		}
	}
	program, err := record(file, records[prefix+"data.pkl"])
	if err != nil {
		return nil, err
	}
	storages := map[string]*storage{}
	value, _, err := unpickle(program, func(id []any) (*storage, error) {
		s, err := storageOf(id)
		if err != nil {
			return nil, err
		}
		if known, ok := storages[s.key]; ok {
			return known, known.same(s)
		}
		storages[s.key] = s
		r, ok := records[prefix+"data/"+s.key]
		if !ok {
			return nil, fmt.Errorf("%w: no record data/%s in the archive", ErrPickle, s.key)
		}
		data, err := record(file, r)
		if err != nil {
			return nil, err
		}
		return s, s.fill(data)
	})
	if err != nil {
		return nil, err
	}
	return stateDict(value)
}

// record gives the bytes of an uncompressed record of an archive, without a copy.
func record(file []byte, r *zip.File) ([]byte, error) {
	if r.Method != zip.Store {
		return nil, fmt.Errorf("%w: record %s is compressed", ErrPickle, r.Name)
	}
	begin, err := r.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("%w: record %s: %w", ErrPickle, r.Name, err)
	}
	if begin < 0 || begin > int64(len(file)) || r.UncompressedSize64 > uint64(int64(len(file))-begin) {
		return nil, fmt.Errorf("%w: record %s claims %d bytes at byte %d of %d", ErrTruncated, r.Name, r.UncompressedSize64, begin, len(file))
	}
	end := begin + int64(r.UncompressedSize64)
	return file[begin:end:end], nil
}

// same reports an error if a storage is described in two ways.
func (s *storage) same(o *storage) error {
	if s.dtype != o.dtype || s.numel != o.numel {
		return fmt.Errorf("%w: storage %s is %d elements of %v, elsewhere %d of %v", ErrPickle, s.key, s.numel, s.dtype, o.numel, o.dtype)
	}
	return nil
}

// fill gives a storage its bytes.
func (s *storage) fill(data []byte) error {
	size, err := s.size()
	if err != nil {
		return fmt.Errorf("storage %s: %w", s.key, err)
	}
	if size != len(data) {
		return fmt.Errorf("%w: storage %s of %d elements of %v needs %d bytes, there are %d", ErrSize, s.key, s.numel, s.dtype, size, len(data))
	}
	s.data = data
	return nil
}

// parseTorchLegacy reads what torch.save wrote before PyTorch 1.6: five pickles (a magic number, the
// protocol, facts about the machine, the object, the storages' keys), then each storage as a count and bytes.
func parseTorchLegacy(file []byte) ([]*entry, error) {
	rest := file
	next := func(load func(id []any) (*storage, error)) (any, error) {
		value, length, err := unpickle(rest, load)
		rest = rest[length:]
		return value, err
	}
	magic, err := next(nil)
	if err != nil {
		return nil, err
	}
	if n, ok := magic.(*big.Int); !ok || n.Text(16) != "1950a86a20f9469cfc6c" {
		return nil, fmt.Errorf("%w: a pickle without PyTorch's magic number", ErrPickle)
	}
	protocol, err := next(nil)
	if err != nil {
		return nil, err
	}
	if protocol != 1001 {
		return nil, fmt.Errorf("%w: protocol %v, expected 1001", ErrPickle, protocol)
	}
	system, err := next(nil)
	if err != nil {
		return nil, err
	}
	if facts, ok := system.(*types.Dict); ok {
		if little, ok := facts.Get("little_endian"); ok && little != true {
			return nil, fmt.Errorf("%w: big-endian", ErrStrided)
		}
	}
	storages := map[string]*storage{}
	value, err := next(func(id []any) (*storage, error) {
		s, err := storageOf(id)
		if err != nil {
			return nil, err
		}
		if known, ok := storages[s.key]; ok {
			return known, known.same(s)
		}
		storages[s.key] = s
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	keys, err := next(nil)
	if err != nil {
		return nil, err
	}
	if err := fillLegacy(storages, keys, rest); err != nil {
		return nil, err
	}
	return stateDict(value)
}

// fillLegacy gives the storages of a legacy file their bytes, which follow the list of their keys.
func fillLegacy(storages map[string]*storage, keys any, rest []byte) error {
	list, ok := keys.(*types.List)
	if !ok || list.Len() != len(storages) {
		return fmt.Errorf("%w: the list of keys does not fit %d storages", ErrPickle, len(storages))
	}
	for _, key := range *list {
		name, _ := key.(string)
		s, ok := storages[name]
		if !ok || s.claimed {
			return fmt.Errorf("%w: unexpected storage %v", ErrPickle, key)
		}
		s.claimed = true
		if len(rest) < 8 {
			return fmt.Errorf("%w: before storage %s", ErrTruncated, name)
		}
		count := binary.LittleEndian.Uint64(rest)
		if rest = rest[8:]; count != uint64(s.numel) {
			return fmt.Errorf("%w: storage %s has %d elements, expected %d", ErrSize, name, count, s.numel)
		}
		size, err := s.size()
		if err != nil {
			return fmt.Errorf("storage %s: %w", name, err)
		}
		if size > len(rest) {
			return fmt.Errorf("%w: storage %s needs %d bytes, there are %d", ErrTruncated, name, size, len(rest))
		}
		if err := s.fill(rest[:size:size]); err != nil {
			return err
		}
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes after the last storage", ErrTrailing, len(rest))
	}
	return nil
}

// stateDict turns a dictionary of tensors into entries.
func stateDict(value any) ([]*entry, error) {
	var keys, values []any
	switch dict := value.(type) {
	case *types.OrderedDict:
		for at := dict.List.Front(); at != nil; at = at.Next() {
			item := at.Value.(*types.OrderedDictEntry)
			keys, values = append(keys, item.Key), append(values, item.Value)
		}
	case *types.Dict:
		for _, item := range *dict {
			keys, values = append(keys, item.Key), append(values, item.Value)
		}
	default:
		return nil, fmt.Errorf("%w: it holds a %s, expected a dictionary of tensors", ErrPickle, kind(value))
	}
	entries := make([]*entry, len(keys))
	seen := map[string]bool{}
	for i, key := range keys {
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("%w: a key of the dictionary is a %s, expected a string", ErrPickle, kind(key))
		}
		if seen[name] {
			return nil, fmt.Errorf("%w: tensor %q comes twice", ErrDuplicate, name)
		}
		seen[name] = true
		t, ok := values[i].(*stridedTensor)
		if !ok {
			return nil, fmt.Errorf("%w: %q is a %s, expected a tensor", ErrPickle, name, kind(values[i]))
		}
		var err error
		if entries[i], err = t.entry(name); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	return entries, nil
}

// kind names a Python value for an error message.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case *types.OrderedDict, *types.Dict:
		return "dictionary"
	case *types.List:
		return "list"
	case *types.Tuple:
		return "tuple"
	case *stridedTensor:
		return "tensor"
	case *storage:
		return "storage"
	case call, storageClass, tensor.DType:
		return "class"
	}
	return fmt.Sprintf("%T", v)
}

// entry checks that a tensor lies within its storage and cuts its data.
func (t *stridedTensor) entry(name string) (*entry, error) {
	n, err := tensor.Shape(t.shape).Elements()
	if err != nil {
		return nil, err
	}
	size := t.dtype.Size()
	count := len(t.storage.data) / size
	if t.offset < 0 || t.offset > count {
		return nil, fmt.Errorf("%w: it starts at element %d of a storage of %d", ErrOffsets, t.offset, count)
	}
	e := &entry{name: name, dtype: t.dtype, shape: t.shape, data: []byte{}}
	if n == 0 {
		return e, nil
	}
	last, rowMajor := uint64(0), 1 // the farthest element's index, and the stride that row-major order has
	for axis := len(t.shape) - 1; axis >= 0; axis-- {
		stride, length := t.strides[axis], t.shape[axis]
		if length == 1 {
			continue
		}
		if stride < 0 {
			return nil, fmt.Errorf("%w: stride %d along axis %d", ErrStrided, stride, axis)
		}
		high, reach := bits.Mul64(uint64(stride), uint64(length-1))
		if last += reach; high != 0 || last < reach || last >= uint64(count-t.offset) {
			return nil, fmt.Errorf("%w: shape %v with strides %v from element %d on does not lie in a storage of %d", ErrOffsets, e.shape, t.strides, t.offset, count)
		}
		if stride != rowMajor {
			e.strides = t.strides
		}
		rowMajor *= length
	}
	if last >= uint64(count-t.offset) {
		return nil, fmt.Errorf("%w: it starts at element %d of a storage of %d", ErrOffsets, t.offset, count)
	}
	if n > count {
		return nil, fmt.Errorf("%w: %d elements expanded from a storage of %d", ErrStrided, n, count)
	}
	begin, end := t.offset*size, (t.offset+int(last)+1)*size
	e.data = t.storage.data[begin:end:end]
	return e, nil
}
