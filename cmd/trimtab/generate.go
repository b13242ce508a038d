package main

import (
	"errors"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"trimtab/infer"
	"trimtab/tokenizer"
)

// generating are the settings of the verb generate.
type generating struct {
	json      bool
	newTokens int
	sampling  infer.Sampling
	deltas    deltas
}

// newTokens is how long a text gets where neither a flag nor the model's folder says.
const newTokens = 256

func (a *app) generate() *cobra.Command {
	var o generating
	cmd := &cobra.Command{
		Use:   "generate MODEL PROMPT...",
		Short: "Write text after a prompt",
		Long: `Writes the text that a causal language model puts after a prompt ("-" for a prompt a line from standard input).
Several prompts run in one batch, and their texts come in their order. What flags do not say is as the model's
generation_config.json says; without one the likeliest token is taken. With --json an object a prompt:
{"prompt", "text", "ids", "ended"}, where ended says that the model ended the text.`,
		Example: `  trimtab generate ../shared/models/stories260K-hf "Once upon a time" --max-new-tokens 60 --temperature 0.8 --seed 7
  trimtab generate ../shared/models/stories260K-hf "Once upon a time" --delta runs/stories/delta`,
		Args: arguments("MODEL", "PROMPT", "PROMPT..."),
	}
	jsonFlag(cmd, &o.json)
	f := cmd.Flags()
	a.quantizationFlag(cmd)
	f.IntVar(&o.newTokens, "max-new-tokens", 0, "`tokens` to write at most (256 where nothing says so)")
	f.Float64Var(&o.sampling.Temperature, "temperature", 0, "divide the scores; 0 takes the likeliest token")
	f.IntVar(&o.sampling.TopK, "top-k", 0, "draw from so many likeliest tokens; 0 from all")
	f.Float64Var(&o.sampling.TopP, "top-p", 0, "draw from the fewest tokens whose probabilities sum to this; 0 from all")
	f.Uint64Var(&o.sampling.Seed, "seed", 0, "the seed of what is drawn")
	o.deltas.flags(cmd)
	cmd.RunE = does(func(out *printer, args []string) error {
		if f.Changed("max-new-tokens") && o.newTokens < 1 {
			return usage("--max-new-tokens must be above 0")
		}
		if t := o.sampling.Temperature; !(t >= 0) || math.IsInf(t, 1) || o.sampling.TopK < 0 || !(o.sampling.TopP >= 0 && o.sampling.TopP <= 1) {
			return usage("--temperature and --top-k must be 0 or more, --top-p from 0 to 1")
		}
		return o.run(a, cmd, out, args)
	})
	return cmd
}

func (o *generating) run(a *app, cmd *cobra.Command, out *printer, args []string) (err error) {
	prompts, err := readPrompts(out, args[1:])
	if err != nil {
		return err
	}
	base, t, err := a.openWithTokenizer(args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, base.Close()) }()
	if err := o.deltas.attach(out, args[0], base.Base); err != nil {
		return err
	}
	options, err := o.options(cmd, base)
	if err != nil {
		return err
	}
	ids := make([][]int32, len(prompts))
	for i, p := range prompts {
		e, err := t.Encode(p, tokenizer.Options{NoTruncation: true, NoPadding: true})
		if err != nil {
			return err
		}
		ids[i] = prompting(e.IDs, options.End)
	}
	stream := len(prompts) == 1 && !o.json
	text := infer.NewText(t, ids[0])
	if stream {
		options.Token = func(_ int, id int32) {
			out.printf("%s", text.Add(id))
			if terminal(cmd.OutOrStdout()) {
				out.Flush()
			}
		}
	}
	answers, err := infer.Generate(cmd.Context(), base.Base, base.device, ids, options)
	if err != nil {
		return err
	}
	if stream {
		out.printf("%s\n", text.Rest())
		return nil
	}
	return o.print(out, t, prompts, ids, answers)
}

// prompting leaves out an ending token that the tokenizer put behind a prompt: the
// text is to go on.
func prompting(ids, end []int32) []int32 {
	if n := len(ids) - 1; n > 0 && slices.Contains(end, ids[n]) {
		return ids[:n]
	}
	return ids
}

// options are the folder's with what the flags say.
func (o *generating) options(cmd *cobra.Command, base *opened) (infer.Options, error) {
	options, err := infer.Defaults(base.Base)
	if err != nil {
		return options, err
	}
	options.Sampling.Seed = o.sampling.Seed
	f := cmd.Flags()
	if f.Changed("temperature") {
		options.Sampling.Temperature = o.sampling.Temperature
	}
	if f.Changed("top-k") {
		options.Sampling.TopK = o.sampling.TopK
	}
	if f.Changed("top-p") {
		options.Sampling.TopP = o.sampling.TopP
	}
	switch {
	case o.newTokens > 0:
		options.MaxNewTokens = o.newTokens
	case options.MaxNewTokens == 0:
		options.MaxNewTokens = newTokens
	}
	return options, nil
}

// continuation is what --json prints of a prompt.
type continuation struct {
	Prompt string  `json:"prompt"`
	Text   string  `json:"text"`
	IDs    []int32 `json:"ids"`
	Ended  bool    `json:"ended"`
}

func (o *generating) print(out *printer, t *tokenizer.Tokenizer, prompts []string, ids [][]int32, answers []infer.Continuation) error {
	for i, answer := range answers {
		text := infer.NewText(t, ids[i])
		c := continuation{Prompt: prompts[i], IDs: answer.Tokens, Ended: answer.Ended}
		for _, id := range answer.Tokens {
			c.Text += text.Add(id)
		}
		c.Text += text.Rest()
		if !o.json {
			out.printf("%s\n", c.Text)
			continue
		}
		if err := out.json(c); err != nil {
			return err
		}
	}
	return nil
}

// readPrompts are the arguments, with the lines of standard input in the place of "-".
func readPrompts(out *printer, args []string) ([]string, error) {
	var prompts []string
	for _, p := range args {
		if p != "-" {
			prompts = append(prompts, p)
			continue
		}
		err := eachBatch(out.stdin, nil, func(batch []line) error {
			for _, l := range batch {
				prompts = append(prompts, l.text)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(prompts) == 0 {
		return nil, errors.New("standard input: there is no prompt")
	}
	return prompts, nil
}
