// Command trimtab adapts large pretrained transformers by turning only small
// parts of them: prompts and deltas.
//
// Results go to standard output, everything else to standard error. The exit
// status is 0 where the work was done, 1 where it failed (bad files, recipes,
// data), 2 where the command line was wrong. A verb is one file of this package:
// flags and printing only.
package main

import (
	"fmt"
	"os"
	"strings"
)

// The exit statuses.
const (
	statusDone = iota
	statusFailed
	statusUsage
)

func main() { os.Exit(run(os.Args[1:])) }

// run runs one command line and returns the exit status.
func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	if err == nil {
		return statusDone
	}
	message := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
	if isFailure(err) {
		fmt.Fprintln(os.Stderr, "trimtab:", message)
		return statusFailed
	}
	fmt.Fprintf(os.Stderr, "trimtab: %s (see %s --help)\n", message, cmd.CommandPath())
	return statusUsage
}
