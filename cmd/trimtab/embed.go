package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trimtab/checkpoint"
	"trimtab/infer"
	"trimtab/tensor"
)

func (a *app) embed() *cobra.Command {
	var to string
	var jsonl bool
	var d deltas
	cmd := &cobra.Command{
		Use:   "embed MODEL [FILE...]",
		Short: "Make vectors of texts",
		Long: `Makes a vector of each line of the files, or of standard input ("-", or no file), as the model's sentence-transformers
folder says, and by the mean of the token vectors where there is no such folder. Prints an object a line,
{"embedding": [...]}, or writes one tensor, embeddings [texts, width], to --out.`,
		Example: `  echo "A trim tab turns the rudder." | trimtab embed ../shared/models/minilm
  trimtab embed ../shared/models/minilm texts.txt --out vectors.safetensors`,
		Args: arguments("MODEL", "FILE..."),
	}
	f := cmd.Flags()
	a.quantizationFlag(cmd)
	f.StringVar(&to, "out", "", "safetensors `file` to write")
	f.BoolVar(&jsonl, "jsonl", false, `read {"text"} objects, a line each`)
	d.flags(cmd)
	asked := f.Bool("json", true, "print JSON, the only form there is")
	cmd.RunE = does(func(out *printer, args []string) (err error) {
		if !*asked {
			return usage("--json=false: vectors are printed as JSON only; --out writes a file of tensors")
		}
		base, t, err := a.openWithTokenizer(args[0])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, base.Close()) }()
		if err := d.attach(out, args[0], base.Base); err != nil {
			return err
		}
		e, err := infer.NewEmbedder(base.Base, t, base.device)
		if err != nil {
			return err
		}
		v := vectors{embedder: e, jsonl: jsonl, keep: to != ""}
		if err := eachBatch(out.stdin, args[1:], func(batch []line) error { return v.add(out, batch) }); err != nil {
			return err
		}
		if to == "" {
			return nil
		}
		shape := tensor.Shape{len(v.kept) / e.Dim(), e.Dim()}
		return checkpoint.WriteSafetensors(to, map[string]*tensor.Tensor{"embeddings": tensor.FromFloat32s(shape, v.kept)}, nil)
	})
	return cmd
}

// vectors makes vectors of lines, and prints or keeps them.
type vectors struct {
	embedder    *infer.Embedder
	jsonl, keep bool
	kept        []float32
}

func (v *vectors) add(out *printer, batch []line) error {
	texts := make([]string, len(batch))
	for i, l := range batch {
		texts[i] = l.text
		if !v.jsonl {
			continue
		}
		var s source
		if err := l.decode(&s); err != nil {
			return err
		}
		if s.Text == nil {
			return l.wrap(errMissing("text"))
		}
		texts[i] = *s.Text
	}
	made, err := v.embedder.Embed(texts)
	if err != nil {
		return fmt.Errorf("%s, lines %d to %d: %w", batch[0].file, batch[0].number, batch[len(batch)-1].number, err)
	}
	for _, m := range made {
		if v.keep {
			v.kept = append(v.kept, m...)
			continue
		}
		if err := out.json(map[string][]float32{"embedding": m}); err != nil {
			return err
		}
	}
	return out.Flush()
}
