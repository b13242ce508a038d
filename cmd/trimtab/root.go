package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trimtab/compute"
	"trimtab/compute/cpu"
)

// app is what all verbs share.
type app struct {
	threads   int
	precision precisionFlag
}

// newRoot makes the whole command line. It does no work: every verb reads and
// computes only what it is asked for.
func newRoot() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "trimtab VERB",
		Short: "Adapt large pretrained transformers by prompts and deltas",
		Long: "Trimtab adapts large pretrained transformers by turning only small parts of them: prompts and deltas.\n\n" +
			"TRIMTAB_CPU=generic, avx2, avx512, avx512vnni, avx512bf16 or amx in the environment forces one kind of kernels.",
		Example:       "  trimtab inspect ../shared/models/minilm-mlm --sites",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownVerb(cmd, args[0])
	}
	root.Args = cobra.ArbitraryArgs
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("trimtab {{.Version}}\n")
	root.PersistentFlags().IntVar(&a.threads, "threads", 0, "`number` of threads that compute; 0 is one a core")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.threads < 0 {
			return fmt.Errorf("--threads is %d, and must be 0 or more", a.threads)
		}
		return nil
	}
	root.AddCommand(a.demo(), a.train(), a.plan(), a.eval(), a.predict(), a.generate(), a.embed(), a.inspect(), a.tokenize(), a.merge(), a.quantize(),
		a.pretrain(), a.forward(), a.step(), a.bench(), a.schema())
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Example = "  source <(trimtab completion bash)"
	}
	return root
}

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := strings.Trim(info.Main.Version, "()")
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:min(12, len(s.Value))]) {
			v += " " + s.Value
		}
	}
	return v + " " + info.GoVersion
}

// unknownVerb names the verbs that look like what was written.
func unknownVerb(root *cobra.Command, verb string) error {
	if near := root.SuggestionsFor(verb); len(near) > 0 {
		return fmt.Errorf("there is no verb %q; did you mean %s?", verb, strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no verb %q", verb)
}

// device is what this command line computes on.
func (a *app) device() (compute.Device, error) { return cpu.New(cpu.Options{Threads: a.threads}) }

// failure is an error of the work; every other error is one of the command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func isFailure(err error) bool {
	var f failure
	return errors.As(err, &f)
}

// does makes what a verb does: its errors are failures, and what it printed is
// written out before they are told. Errors that [usage] made stay the command line's.
func does(f func(out *printer, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		out := newPrinter(cmd)
		err := f(out, args)
		if flushErr := out.close(); err == nil {
			err = flushErr
		}
		var u usage
		if err == nil || errors.As(err, &u) {
			return err
		}
		return failure{err}
	}
}

// usage is a mistake in the command line that only the verb itself could see.
type usage string

func (u usage) Error() string { return string(u) }

// arguments wants one argument for each name; a last name that ends in "..." takes any number.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		least, many := len(names), false
		if least > 0 && strings.HasSuffix(names[least-1], "...") {
			least, many = least-1, true
		}
		switch {
		case len(args) < least:
			return fmt.Errorf("%s is missing", names[len(args)])
		case len(args) > least && !many:
			return fmt.Errorf("%q is one argument too many", args[least])
		}
		return nil
	}
}

// oneOf is a mistake unless value is one of the choices of a flag.
func oneOf(flag, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	if choices[0] == "" {
		choices = choices[1:]
	}
	return usage(fmt.Sprintf("--%s is %q, and must be one of %s", flag, value, strings.Join(choices, ", ")))
}
