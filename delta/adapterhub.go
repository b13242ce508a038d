package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"trimtab/compute"
	"trimtab/nn"
	"trimtab/tensor"
)

// AdapterHub's files of tensors in a folder.
const (
	adapterFile = "adapter.safetensors"
	adapterBin  = "pytorch_adapter.bin"
)

// nonLinearities are the activations by the library's names.
var nonLinearities = map[string]compute.Activation{
	"relu": compute.ReLU, "swish": compute.SiLU, "silu": compute.SiLU, "gelu": compute.GELU, "gelu_new": compute.GELUTanh,
	"gelu_pytorch_tanh": compute.GELUTanh, "tanh": compute.Tanh, "sigmoid": compute.Sigmoid, "linear": compute.Identity,
}

// parseBottleneck reads a recipe's {adapter: NAME, ...}.
func parseBottleneck(f *fields) (Config, error) {
	var name string
	f.read("adapter", &name)
	c := bottlenecks[name]
	c.where, c.name, c.AdapterName = f.where, name, "task"
	f.read("name", &c.AdapterName)
	c.read(f)
	return &c, f.finish()
}

// parseAdapterHub reads a folder's adapter_config.json.
func parseAdapterHub(f *fields) (Config, error) {
	c := Bottleneck{where: f.where, name: "adapter", AdapterName: "task", Residual: "true", Scaling: 1, Init: "bert"}
	var version string
	f.read("name", &c.AdapterName)
	f.read("hidden_size", &c.hidden)
	f.read("model_class", &c.class)
	f.read("model_name", &c.baseName)
	f.read("version", &version)
	f.unneeded("config", "model_type", "type", "config_id")
	f.only("label2id", "{}")
	if err := f.finish(); err != nil {
		return nil, err
	}
	inner := newFields(f.where+": config", f.raw["config"])
	if inner.err == nil && inner.has("architecture") {
		inner.fail("architecture", "%s is not supported here, only bottleneck adapters", short(inner.raw["architecture"]))
	}
	inner.unneeded("architecture")
	for _, key := range []string{"mh_adapter", "output_adapter", "reduction_factor", "non_linearity"} {
		inner.check(inner.has(key) || inner.err != nil, key, "is needed")
	}
	c.read(inner)
	if err := inner.finish(); err != nil {
		return nil, err
	}
	if version == "" { // names of before the library's second version
		if now, ok := map[string]compute.Activation{"gelu": compute.GELUTanh, "gelu_orig": compute.GELU}[c.NonLinearity]; ok {
			c.activation = now
			c.NonLinearity = map[string]string{"gelu": "gelu_new", "gelu_orig": "gelu"}[c.NonLinearity]
		}
	}
	c.recognise()
	return &c, nil
}

// recognise gives a configuration its name, where it has one, whatever its width.
func (c *Bottleneck) recognise() {
	for name, known := range bottlenecks {
		if c.Attention == known.Attention && c.Output == known.Output && c.NormBefore == known.NormBefore &&
			c.Parallel == known.Parallel && (c.Learned != "") == (known.Learned != "") {
			c.name = name
		}
	}
}

// read takes the keys of a BnConfig.
func (c *Bottleneck) read(f *fields) {
	f.read("mh_adapter", &c.Attention)
	f.read("output_adapter", &c.Output)
	f.read("non_linearity", &c.NonLinearity)
	f.read("original_ln_before", &c.NormBefore)
	f.read("is_parallel", &c.Parallel)
	f.read("dropout", &c.Dropout)
	f.read("leave_out", &c.LeaveOut)
	f.read("init_weights", &c.Init)
	c.readReduction(f)
	c.readScaling(f)
	c.readResidual(f)
	c.seeded = f.has("init_weights_seed")
	// Only true of options that are refused below, or only for drawing fresh tensors.
	f.unneeded("init_weights_seed", "phm_dim", "shared_phm_rule", "factorized_phm_rule", "learn_phm", "factorized_phm_W", "shared_W_phm",
		"phm_c_init", "phm_init_range", "hypercomplex_nonlinearity", "phm_rank", "phm_bias", "inv_adapter_reduction_factor", "adapter_residual_before_ln")
	for _, key := range []string{"ln_before", "ln_after", "use_gating", "cross_adapter", "phm_layer"} {
		f.only(key, "false")
	}
	f.only("original_ln_after", "true")
	f.only("stochastic_depth", "0.0", "0")
	f.only("inv_adapter")
	f.only("invertible_adapter")
	var ok bool
	c.activation, ok = nonLinearities[strings.ToLower(c.NonLinearity)]
	f.check(ok || c.NonLinearity == "gelu_orig", "non_linearity", "%q is not supported", c.NonLinearity)
	f.check(c.Attention || c.Output, "output_adapter", "neither it nor mh_adapter is true")
	f.check(c.Dropout >= 0 && c.Dropout < 1, "dropout", "is %g, expected from 0 to below 1", c.Dropout)
	f.check(slices.Contains([]string{"bert", "mam_adapter", "houlsby"}, c.Init), "init_weights", "is %q, expected bert, mam_adapter or houlsby", c.Init)
	f.check(c.AdapterName != "" && !strings.Contains(c.AdapterName, "."), "name", "is %q, expected a name without dots", c.AdapterName)
}

// readReduction takes a number, or numbers by block with a default.
func (c *Bottleneck) readReduction(f *fields) {
	if !strings.HasPrefix(strings.TrimSpace(string(f.raw["reduction_factor"])), "{") {
		f.read("reduction_factor", &c.Reduction)
		f.check(c.Reduction > 0, "reduction_factor", "is %g, expected a number above 0", c.Reduction)
		return
	}
	c.ReductionOf, c.noReductionElse = map[int]float64{}, true
	keys, raw := f.object("reduction_factor")
	for _, key := range keys {
		v, err := strconv.ParseFloat(string(raw[key]), 64)
		block, err2 := strconv.Atoi(key)
		f.check(err == nil && v > 0 && (err2 == nil || key == "default"), "reduction_factor",
			"%q: %s, expected the number of a block or \"default\", and a number above 0", key, short(raw[key]))
		if key == "default" {
			c.Reduction, c.noReductionElse = v, false
		} else {
			c.ReductionOf[block] = v
		}
	}
}

func (c *Bottleneck) readScaling(f *fields) {
	if f.isString("scaling") {
		f.read("scaling", &c.Learned)
		f.check(c.Learned == "learned" || c.Learned == "channel", "scaling", "is %q, expected a number, learned or channel", c.Learned)
		return
	}
	if f.has("scaling") {
		c.Learned = ""
	}
	f.read("scaling", &c.Scaling)
}

func (c *Bottleneck) readResidual(f *fields) {
	if f.isString("residual_before_ln") {
		f.read("residual_before_ln", &c.Residual)
		f.check(c.Residual == "post_add", "residual_before_ln", "is %q, expected true, false or \"post_add\"", c.Residual)
		return
	}
	before := c.Residual == "true"
	f.read("residual_before_ln", &before)
	c.Residual = strconv.FormatBool(before)
}

// bind takes from the base what the folder names, and refuses what contradicts it.
func (c *Bottleneck) bind(b *build) error {
	info := b.base.Info()
	if c.hidden != 0 && c.hidden != info.Hidden {
		return c.error(ErrOtherBase, "hidden_size", "is %d, and the base's is %d", c.hidden, info.Hidden)
	}
	c.hidden = info.Hidden
	if b.source == nil && c.seeded {
		return c.error(ErrConfig, "init_weights_seed", "is not supported: every adapter would begin alike")
	}
	if c.baseName == "" && b.base.Dir != "" {
		c.baseName = filepath.Base(b.base.Dir)
	}
	if c.class == "" && len(b.base.Config.Architectures) > 0 {
		c.class = b.base.Config.Architectures[0]
	}
	for _, block := range c.LeaveOut {
		if block < 0 || block >= info.Blocks {
			return c.error(ErrNoSite, "leave_out", "block %d of %d", block, info.Blocks)
		}
	}
	return nil
}

func (c *Bottleneck) error(sentinel error, key, format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w: %s", c.where, key, sentinel, fmt.Sprintf(format, args...))
}

// adapterPlace is the module that holds the adapters of a sublayer, in the library's module tree: in post-norm
// blocks the module whose output it is; else the block, after its attention or its output.
func adapterPlace(s *nn.Sublayer) string {
	if s.Norm != nil {
		return s.Name + ".adapters."
	}
	number := "." + strconv.Itoa(s.Block)
	block := s.Name
	if i := strings.Index(s.Name+".", number+"."); i >= 0 {
		block = s.Name[:i+len(number)]
	}
	if s.Attention {
		return block + ".attention_adapters.adapters."
	}
	return block + ".output_adapters.adapters."
}

// canonical is the name of a tensor in a folder; names of the library's first version are turned into today's.
func (c *Bottleneck) canonical(name string) string {
	for _, old := range []string{"attention_text_task_adapters", "attention_text_lang_adapters", "layer_text_task_adapters", "layer_text_lang_adapters"} {
		name = strings.Replace(name, "."+old+".", ".adapters.", 1)
	}
	return name
}

// headFiles are where the library keeps a prediction head beside an adapter: the configuration, then tensors.
var headFiles = []string{"head_config.json", "model_head.safetensors", "pytorch_model_head.bin"}

// headless is an error if a prediction head of the library lies beside the adapter, unless forced.
func headless(dir string, o Options) error {
	for _, name := range headFiles {
		path := filepath.Join(dir, name)
		switch _, err := os.Stat(path); {
		case err == nil && !o.Force:
			return fmt.Errorf("%s: %w: found a prediction head of the adapters library beside the adapter, expected the adapter alone, as save_adapter(..., with_head=False) leaves it; --force opens the adapter without the head",
				path, ErrHead)
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return err
		}
	}
	return nil
}

func adapterTensors(dir string) (string, error) {
	for _, name := range []string{adapterFile, adapterBin} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w: neither %s nor %s", dir, os.ErrNotExist, adapterFile, adapterBin)
}

// save is AdapterHub's folder.
func (c *Bottleneck) save(d *Delta) (*folder, error) {
	bn := map[string]any{
		"mh_adapter": c.Attention, "output_adapter": c.Output, "reduction_factor": any(c.Reduction), "non_linearity": c.NonLinearity,
		"original_ln_before": c.NormBefore, "original_ln_after": true, "ln_before": false, "ln_after": false, "init_weights": c.Init,
		"init_weights_seed": nil, "is_parallel": c.Parallel, "scaling": python(c.Scaling), "use_gating": false, "residual_before_ln": any(c.Residual),
		"adapter_residual_before_ln": false, "inv_adapter": nil, "inv_adapter_reduction_factor": nil, "cross_adapter": false,
		"leave_out": append([]int{}, c.LeaveOut...), "dropout": python(float64(c.Dropout)), "phm_layer": false, "phm_dim": 4, "factorized_phm_W": true,
		"shared_W_phm": false, "shared_phm_rule": true, "factorized_phm_rule": false, "phm_c_init": "normal", "phm_init_range": 0.0001,
		"learn_phm": true, "hypercomplex_nonlinearity": "glorot-uniform", "phm_rank": 1, "phm_bias": true, "stochastic_depth": python(0),
	}
	if c.Learned != "" {
		bn["scaling"] = c.Learned
	}
	if c.Residual != "post_add" {
		bn["residual_before_ln"] = c.Residual == "true"
	}
	if c.ReductionOf != nil {
		by := map[string]float64{}
		for block, r := range c.ReductionOf {
			by[strconv.Itoa(block)] = r
		}
		if !c.noReductionElse {
			by["default"] = c.Reduction
		}
		bn["reduction_factor"] = by
	}
	config := map[string]any{"config": bn, "hidden_size": c.hidden, "model_class": c.class, "model_name": orNil(c.baseName),
		"model_type": d.base.Info().Type, "name": c.AdapterName, "version": "adapters.1.3.0"}
	f := &folder{config: config, tensors: map[string]map[string]*tensor.Tensor{adapterFile: {}}}
	for _, t := range d.tensors {
		f.tensors[adapterFile][t.key] = t.tensor()
	}
	return f, nil
}

// python is a number that Python reads as a float: the library tells floats from other values of scaling.
func python(v float64) json.RawMessage {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.RawMessage(s)
}
