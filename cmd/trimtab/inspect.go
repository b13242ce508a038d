package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

// inspecting are the settings of the verb inspect.
type inspecting struct {
	json, sites, fingerprint bool
	model, text              string
	fields                   []string
	length                   int
	truncation               string
}

func (a *app) inspect() *cobra.Command {
	var o inspecting
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Say what a base, a delta, a run, a tokenizer or a template is",
		Long: `Says what is at PATH: a base (a folder with config.json), a delta (adapter_config.json), a run (run.json), a tokenizer
(a folder, or a tokenizer.json), or a template (a text with placeholders, or a file that holds one). With --text or
--field it shows what the template, or the run's, makes of an example, token by token, on the tokenizer of --model.`,
		Example: `  trimtab inspect ../shared/models/minilm-mlm --sites
  trimtab inspect '{sentence} It was {mask}.' --model ../shared/models/minilm-mlm --text "A film to remember."
  trimtab inspect runs/sst2 --text "A film to remember."`,
		Args: arguments("PATH"),
	}
	jsonFlag(cmd, &o.json)
	f := cmd.Flags()
	f.BoolVar(&o.sites, "sites", false, "list the sites of a base, where deltas attach")
	f.BoolVar(&o.fingerprint, "fingerprint", false, "compute the fingerprint of a base, which reads all of it")
	f.StringVar(&o.model, "model", "", "`folder` of the base that a template is for (builtin where nothing else says so)")
	f.StringVar(&o.text, "text", "", "text of the example, for the template's first placeholder")
	f.StringArrayVar(&o.fields, "field", nil, "`name=value` of the example; may be repeated")
	f.IntVar(&o.length, "max-length", 0, "`tokens` of the input at most; 0 is no limit")
	f.StringVar(&o.truncation, "truncation", "tail", "how a long input is cut: `tail`, head, balanced or error")
	cmd.RunE = does(func(out *printer, args []string) error { return o.inspect(a, cmd, out, args[0]) })
	return cmd
}

func (o *inspecting) inspect(a *app, cmd *cobra.Command, out *printer, path string) error {
	if o.length < 0 {
		return usage("--max-length must be 0 or more")
	}
	if err := oneOf("truncation", o.truncation, "tail", "head", "balanced", "error"); err != nil {
		return err
	}
	example := cmd.Flags().Changed("text") || o.fields != nil
	if path == recipe.Builtin && !example {
		return o.base(a, out, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil && strings.Contains(path, "{"):
		return o.template(a, out, "", path, cmd.Flags().Changed("text"))
	case err != nil:
		return err
	case !info.IsDir() && filepath.Base(path) == "tokenizer.json" && !example:
		return o.tokenizer(out, path)
	case !info.IsDir():
		text, err := templateFile(path, info.Size())
		if err != nil {
			return err
		}
		return o.template(a, out, path, text, cmd.Flags().Changed("text"))
	case has(path, "run.json"):
		return o.run(a, out, path, cmd.Flags().Changed("text"))
	case example:
		return usage("--text and --field go with a template or a run, and " + path + " is neither")
	case has(path, "config.json"):
		return o.base(a, out, path)
	case has(path, "adapter_config.json"):
		return o.delta(out, path)
	case has(path, "tokenizer.json", "vocab.txt", "vocab.json"):
		return o.tokenizer(out, path)
	}
	return fmt.Errorf("%s: there is no base (config.json), delta (adapter_config.json), finished run (run.json) or tokenizer (tokenizer.json, vocab.txt, vocab.json) in it", path)
}

// has reports whether a folder has one of some files.
func has(dir string, names ...string) bool {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// templateFile reads a file that may hold a template.
func templateFile(path string, size int64) (string, error) {
	const most = 1 << 20
	if size > most {
		return "", fmt.Errorf("%s: %d bytes, and a template has at most %d; a base is a folder", path, size, most)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
