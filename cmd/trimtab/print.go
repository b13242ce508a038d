package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// printer writes results to standard output, through a buffer, and notes to
// standard error. The first error of writing is kept for close.
type printer struct {
	*bufio.Writer
	notes io.Writer
	stdin io.Reader
}

func newPrinter(cmd *cobra.Command) *printer {
	return &printer{Writer: bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16), notes: cmd.ErrOrStderr(), stdin: cmd.InOrStdin()}
}

// close writes what waits.
func (p *printer) close() error {
	if err := p.Flush(); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

// printf writes a result.
func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.Writer, format, args...) }

// note tells something that is no result.
func (p *printer) note(format string, args ...any) { fmt.Fprintf(p.notes, format+"\n", args...) }

// json writes a value as one line of JSON, which has no numbers that are not finite.
func (p *printer) json(v any) error {
	e := json.NewEncoder(p.Writer)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if none := (*json.UnsupportedValueError)(nil); errors.As(err, &none) {
		return fmt.Errorf("a result is %s, and JSON has no such number: look for weights of the base or a delta that are not finite or very large", none.Str)
	}
	return err
}

// table writes rows of cells in columns; those named by right are aligned to the right.
func (p *printer) table(rows [][]string) {
	w := tabwriter.NewWriter(p.Writer, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
}

// number writes n with commas between thousands.
func number[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes as people read it.
func size(bytes int64) string {
	const units = "kMGTPE"
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	v := float64(bytes)
	unit := -1
	for ; v >= 1000 && unit < len(units)-1; unit++ {
		v /= 1000
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}

// terminal reports whether a stream is a person's terminal.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "print JSON")
}
