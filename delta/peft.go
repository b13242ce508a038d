package delta

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/model"
	"trimtab/nn"
	"trimtab/tensor"
)

// peftModel stands before the base's module paths in PEFT's names.
const peftModel = "base_model.model."

// PEFT's files in a folder.
const (
	configFile  = "adapter_config.json"
	peftFile    = "adapter_model.safetensors"
	peftBin     = "adapter_model.bin"
	encoderFile = "prompt_encoder.safetensors"
)

// common are the keys that PEFT's methods share.
type common struct {
	// Where is the file, or the place in a recipe, for errors.
	where string
	// TaskType is task_type, BaseName base_model_name_or_path; both are kept for other programs.
	TaskType, BaseName string
	// Saved is modules_to_save: modules that train, and are saved, whole.
	Saved texts
}

func (c *common) read(f *fields) {
	c.where = f.where
	f.read("task_type", &c.TaskType)
	f.read("base_model_name_or_path", &c.BaseName)
	f.read("modules_to_save", &c.Saved)
	f.check(!slices.Contains(c.Saved, ""), "modules_to_save", "an empty name")
	f.unneeded("peft_type", "auto_mapping", "revision", "peft_version", "inference_mode")
}

var taskTypes = map[model.Task]string{model.SequenceClassification: "SEQ_CLS", model.CausalLM: "CAUSAL_LM"}

// classifiers are the modules that PEFT saves whole for tasks of classification.
var classifiers = []string{"classifier", "score"}

// bind takes from the base what a configuration for a fresh delta leaves out.
func (c *common) bind(b *build) {
	if b.source != nil {
		return
	}
	if c.TaskType == "" && !headTrains(b.base) {
		c.TaskType = taskTypes[b.base.Task]
	}
	if c.BaseName == "" && b.base.Dir != "" {
		c.BaseName = filepath.Base(b.base.Dir)
	}
	if c.TaskType == "SEQ_CLS" || c.TaskType == "TOKEN_CLS" {
		for _, name := range slices.Concat(classifiers, b.base.Info().Head) {
			if !slices.Contains(c.Saved, name) {
				c.Saved = append(slices.Clip(c.Saved), name)
			}
		}
	}
}

// headTrains reports whether a delta on the base trains its classification head: it is left to that one.
func headTrains(base *model.Base) bool {
	return slices.ContainsFunc(base.Tree.Params(), func(q *nn.Param) bool { return q.Trains() && inHead(q.Name, base.Info().Head) })
}

// modules adds the modules that are saved whole. prefix is what PEFT puts before their paths: peftModel,
// or less for prompts, which stand beside the model.
func (c *common) modules(b *build, prefix string) error {
	unmatched := b.modulesToSave(c.Saved, func(module, rest string) (name, key string) {
		return prefix + module + ".modules_to_save." + rest, module + "." + rest
	})
	for _, name := range unmatched {
		if !slices.Contains(classifiers, name) && !slices.Contains(b.base.Info().Head, name) {
			_, names := owners(b.base)
			return fmt.Errorf("%s: modules_to_save: %w: %q matches none%s", c.where, ErrNoSite, name, nearestSites(name, names))
		}
	}
	return nil
}

// config are the keys in the form of adapter_config.json.
func (c *common) config(peftType string) map[string]any {
	m := map[string]any{"peft_type": peftType, "auto_mapping": nil, "base_model_name_or_path": orNil(c.BaseName), "inference_mode": true,
		"revision": nil, "task_type": orNil(c.TaskType), "modules_to_save": nil}
	if len(c.Saved) > 0 {
		m["modules_to_save"] = c.Saved
	}
	return m
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// canonical is the name of a tensor in a PEFT file without what does not identify it: the wrapper's
// path, the adapter's name that unstripped files have, and wrappers inside the path. The copy that
// modules_to_save keeps of the base's own module is not needed.
func canonical(name string) string {
	if strings.Contains(name, ".original_module.") {
		return ""
	}
	for _, prefix := range []string{peftModel, "base_model."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = rest
			break
		}
	}
	for _, wrapper := range []string{".modules_to_save.default.", ".modules_to_save.", ".base_layer."} {
		name = strings.Replace(name, wrapper, ".", 1)
	}
	if i := strings.LastIndex(name, ".lora_"); i >= 0 {
		rest := name[i:]
		rest = strings.Replace(rest, ".default.", ".", 1)
		rest = strings.TrimSuffix(rest, ".default")
		if strings.HasPrefix(rest, ".lora_magnitude_vector") {
			rest = ".lora_magnitude_vector"
		}
		name = name[:i] + rest
	}
	return name
}

// peftKey is the name in a PEFT file of a parameter: without the wrapper of modules that are saved whole, and
// the magnitude without a layer of its own.
func peftKey(parameter string) string {
	key := strings.Replace(parameter, ".modules_to_save.", ".", 1)
	return strings.Replace(key, ".lora_magnitude_vector.weight", ".lora_magnitude_vector", 1)
}

// peftFolder is a folder of PEFT's with a configuration and the delta's tensors.
func peftFolder(d *Delta, config map[string]any) *folder {
	f := &folder{config: config, tensors: map[string]map[string]*tensor.Tensor{peftFile: {}}, metadata: map[string]string{"format": "pt"}}
	for _, t := range d.tensors {
		if t.file == "" {
			f.tensors[peftFile][peftKey(t.name)] = t.tensor()
		}
	}
	return f
}

// save is LoRA's folder. PEFT keeps the base's own embeddings, too, where their names are among the targets.
func (c *LoRA) save(d *Delta) (*folder, error) {
	m := c.config("LORA")
	m["r"], m["lora_alpha"], m["lora_dropout"], m["bias"] = c.Rank, c.Alpha, c.Dropout, c.Bias
	m["target_modules"], m["layers_to_transform"], m["layers_pattern"] = any(c.list), nil, nil
	if c.pattern != "" {
		m["target_modules"] = c.pattern
	}
	if len(c.layers) > 0 {
		m["layers_to_transform"] = c.layers
	}
	if len(c.layersPattern) > 0 {
		m["layers_pattern"] = c.layersPattern
	}
	if c.excludePattern != "" {
		m["exclude_modules"] = c.excludePattern
	} else if len(c.exclude) > 0 {
		m["exclude_modules"] = c.exclude
	}
	m["rank_pattern"], m["alpha_pattern"] = ordered(c.ranks), ordered(c.alphas)
	m["use_rslora"], m["use_dora"] = c.RSLoRA, c.DoRA
	m["fan_in_fan_out"], m["init_lora_weights"] = false, any(c.Init)
	if c.Init == "true" || c.Init == "false" {
		m["init_lora_weights"] = c.Init == "true"
	}
	f := peftFolder(d, m)
	for _, p := range d.parts {
		if err := keepBase(c, d, p, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// keepBase says whether a weight is published transposed, and adds embeddings of the base that PEFT keeps.
func keepBase(c *LoRA, d *Delta, p part, f *folder) error {
	site, weight := "", d.base.Words().Weight
	switch p := p.(type) {
	case *loraLinear:
		if p.layer.Transposed {
			f.config["fan_in_fan_out"] = true
		}
		if p.layer == outputLayer(d.base) {
			site, weight = p.layer.Name, p.layer.Weight
		}
	case *loraEmbedding:
		if p.layer == d.base.Words() {
			site = p.layer.Name
		}
	}
	if site == "" || !ends(site, []string{"embed_tokens", "lm_head"}) {
		return nil
	}
	named := slices.Contains(c.list, "embed_tokens") || slices.Contains(c.list, "lm_head")
	if c.pattern != "" {
		var err error
		if named, err = fullMatch(c.pattern, site); err != nil {
			return err
		}
	}
	if !named {
		return nil
	}
	v, err := weight.Base()
	if err != nil {
		return err
	}
	f.tensors[peftFile][peftModel+site+".base_layer.weight"] = tensor.FromFloat32s(weight.Shape, v)
	return nil
}

// openPEFT opens the tensors of a PEFT folder.
func peftTensors(dir string) (string, error) {
	for _, name := range []string{peftFile, peftBin} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w: neither %s nor %s", dir, os.ErrNotExist, peftFile, peftBin)
}
