package checkpoint

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"trimtab/tensor"
)

// WriteSafetensors writes a safetensors file. It appears whole or not at all: the bytes go to a temporary
// file in the same folder, which is synced and renamed.
//
// The same tensors and metadata make the same bytes, those of the safetensors library: tensors in
// order of type (the most aligned first), then name; the header padded to a multiple of
// eight bytes. (Of metadata with many keys the library's order is random; here it is sorted.) Errors
// wrap [ErrName], [ErrHeaderSize], tensor.ErrShape or tensor.ErrDType, or come from the file system.
func WriteSafetensors(path string, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	names, header, err := layOut(tensors, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return WriteFile(path, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<16)
		buffered.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) // errors stick until Flush
		buffered.Write(header)
		for _, name := range names {
			buffered.Write(tensors[name].Data)
		}
		return buffered.Flush()
	})
}

// layOut orders the tensors and makes the header.
func layOut(tensors map[string]*tensor.Tensor, metadata map[string]string) (names []string, header []byte, err error) {
	names = slices.SortedFunc(maps.Keys(tensors), func(a, b string) int {
		return cmp.Or(cmp.Compare(tensors[b].DType, tensors[a].DType), cmp.Compare(a, b))
	})
	header = append(header, '{')
	if metadata != nil {
		header = append(header, `"`+metadataKey+`":{`...)
		for i, key := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(metadata[key]) {
				return nil, nil, fmt.Errorf("%w: metadata key %q or its value is not UTF-8", ErrName, key)
			}
			header = appendComma(header, i)
			header = appendText(header, key)
			header = append(header, ':')
			header = appendText(header, metadata[key])
		}
		header = append(header, '}')
	}
	at := 0
	for _, name := range names {
		t := tensors[name]
		if name == metadataKey || !utf8.ValidString(name) {
			return nil, nil, fmt.Errorf("%w: %q", ErrName, name)
		}
		if _, err := t.Elements(); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		header = appendComma(header, len(header)-1)
		header = appendText(header, name)
		header = append(header, `:{"dtype":"`+t.DType.String()+`","shape":[`...)
		for i, size := range t.Shape {
			header = strconv.AppendInt(appendComma(header, i), int64(size), 10)
		}
		header = append(header, `],"data_offsets":[`...)
		header = append(strconv.AppendInt(header, int64(at), 10), ',')
		at += len(t.Data)
		header = append(strconv.AppendInt(header, int64(at), 10), "]}"...)
	}
	header = append(header, '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	if len(header) > maxHeader {
		return nil, nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrHeaderSize, len(header), maxHeader)
	}
	return names, header, nil
}

// appendComma appends the comma before all items but the first.
func appendComma(dst []byte, before int) []byte {
	if before == 0 {
		return dst
	}
	return append(dst, ',')
}

// appendText appends valid UTF-8 as a JSON string, escaping only what has to be escaped.
func appendText(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		c := text[i]
		if at := strings.IndexByte("\"\\\b\f\n\r\t", c); at >= 0 {
			dst = append(dst, '\\', `"\bfnrt`[at])
		} else if c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
