package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"trimtab/nn"
)

// RotationKeys are the keys that [Config.Rotation] reads: a page names them to [Config.Read].
var RotationKeys = []string{"rope_parameters", "rope_scaling", "rope_theta"}

// rope is rope_parameters, or rope_scaling with rope_theta beside it as older files have it.
type rope struct {
	Type            string   `json:"rope_type"`
	OldType         string   `json:"type"`
	Theta           *float64 `json:"rope_theta"`
	Factor          *float64 `json:"factor"`
	Partial         *float64 `json:"partial_rotary_factor"`
	Original        *float64 `json:"original_max_position_embeddings"`
	Low             *float64 `json:"low_freq_factor"`
	High            *float64 `json:"high_freq_factor"`
	AttentionFactor *float64 `json:"attention_factor"`
	BetaFast        *float64 `json:"beta_fast"`
	BetaSlow        *float64 `json:"beta_slow"`
	MScale          *float64 `json:"mscale"`
	MScaleAllDim    *float64 `json:"mscale_all_dim"`
	Truncate        *bool    `json:"truncate"`
}

// ropeKeys are the parameters of each scaling, beside the type, theta and a partial factor of 1.
var ropeKeys = map[string][]string{
	"default": nil,
	"linear":  {"factor"},
	"dynamic": {"factor"},
	"llama3":  {"factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"},
	"yarn": {"factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow", "mscale",
		"mscale_all_dim", "truncate"},
}

// Rotation is what the config says of rotary positions for heads of width dim, with
// the scalings default, linear, dynamic, llama3 and yarn. Dynamic is the default up to
// the config's positions, and what it does beyond them is not computed, as a position beyond is an error.
// theta is the model type's own. A mistake fails the config.
func (c *Config) Rotation(dim, positions int, theta float64) *nn.Rotation {
	key, r, err := c.rope(theta, positions)
	if err == nil && (dim <= 0 || dim%2 != 0) {
		key, err = "head_dim", fmt.Errorf("is %d, and rotary positions need an even number", dim)
	}
	if err != nil {
		c.fail(key, err)
		return nil
	}
	rotation := &nn.Rotation{Scale: 1, Positions: positions}
	for i := 0; i < dim; i += 2 {
		// float32 at each step, as transformers computes them
		power := float32(math.Pow(*r.Theta, float64(float32(i)/float32(dim))))
		rotation.Frequencies = append(rotation.Frequencies, 1/power)
	}
	switch r.Type {
	case "linear":
		for i := range rotation.Frequencies {
			rotation.Frequencies[i] /= float32(*r.Factor)
		}
	case "llama3":
		r.llama3(rotation.Frequencies)
	case "yarn":
		rotation.Scale = r.yarn(rotation.Frequencies, dim)
	}
	return rotation
}

// rope reads the parameters, and says in which key a mistake is.
func (c *Config) rope(theta float64, positions int) (key string, r rope, err error) {
	present := func(key string) bool {
		raw, ok := c.Raw[key]
		return ok && string(bytes.TrimSpace(raw)) != "null"
	}
	if present("rope_theta") {
		if err := json.Unmarshal(c.Raw["rope_theta"], &theta); err != nil {
			return "rope_theta", r, err
		}
	}
	key = "rope_parameters"
	if present("rope_scaling") {
		if present(key) {
			return "rope_scaling", r, errors.New("is there beside rope_parameters")
		}
		key = "rope_scaling"
	}
	var found map[string]json.RawMessage
	if present(key) {
		d := json.NewDecoder(bytes.NewReader(c.Raw[key]))
		d.DisallowUnknownFields()
		if err := errors.Join(d.Decode(&r), json.Unmarshal(c.Raw[key], &found)); err != nil {
			return key, r, err
		}
	}
	if r.Theta == nil {
		r.Theta = &theta
	}
	if r.Type == "" {
		r.Type = r.OldType
	}
	if r.Type == "" {
		r.Type = "default"
	}
	return key, r, r.check(found, positions)
}

// check finds mistakes in what was found, and fills in the defaults.
func (r *rope) check(found map[string]json.RawMessage, positions int) error {
	keys, ok := ropeKeys[r.Type]
	if !ok {
		var known []string
		for name := range ropeKeys {
			known = append(known, name)
		}
		slices.Sort(known)
		return fmt.Errorf("rope_type %q; computed here are %v", r.Type, known)
	}
	for name := range found {
		if !slices.Contains(keys, name) && !slices.Contains([]string{"rope_type", "type", "rope_theta", "partial_rotary_factor"}, name) {
			return fmt.Errorf("%s is no parameter of rope_type %q", name, r.Type)
		}
	}
	original := float64(positions)
	if r.Original == nil {
		r.Original = &original
	}
	one := 1.0
	if r.Partial == nil {
		r.Partial = &one
	}
	if *r.Partial != 1 {
		return fmt.Errorf("partial_rotary_factor is %v, and only 1 is computed here", *r.Partial)
	}
	needed := map[string]*float64{"rope_theta": r.Theta, "original_max_position_embeddings": r.Original}
	if r.Type != "default" {
		needed["factor"] = r.Factor
	}
	if r.Type == "llama3" {
		needed["low_freq_factor"], needed["high_freq_factor"] = r.Low, r.High
	}
	for _, name := range []string{"rope_theta", "factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"} {
		v, ok := needed[name]
		if ok && (v == nil || *v <= 0 || *v > 1e12) {
			return fmt.Errorf("rope_type %q needs a %s from above 0 to 1e12", r.Type, name)
		}
	}
	if r.Type == "llama3" && *r.Low == *r.High {
		return fmt.Errorf("low_freq_factor and high_freq_factor are both %v", *r.Low)
	}
	return nil
}

// llama3 divides the low frequencies by the factor, leaves the high ones, and
// goes over from one to the other in between (Llama 3.1).
func (r *rope) llama3(frequencies []float32) {
	factor, low, high, original := float32(*r.Factor), float32(*r.Low), float32(*r.High), float32(*r.Original)
	for i, f := range frequencies {
		wave := float32(2*math.Pi) / f
		switch {
		case wave < original/high:
		case wave > original/low:
			frequencies[i] = f / factor
		default:
			smooth := (original/wave - low) / (high - low)
			frequencies[i] = (1-smooth)*f/factor + smooth*f
		}
	}
}

// yarn mixes stretched and plain frequencies by how often they turn within the
// original length, and returns the attention factor (Peng et al. 2023).
func (r *rope) yarn(frequencies []float32, dim int) float32 {
	turns := func(beta *float64, normally float64) float64 { // the pair that turns so often
		if beta != nil && *beta != 0 {
			normally = *beta
		}
		return float64(dim) * math.Log(*r.Original/(normally*2*math.Pi)) / (2 * math.Log(*r.Theta))
	}
	low, high := turns(r.BetaFast, 32), turns(r.BetaSlow, 1)
	if r.Truncate == nil || *r.Truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	for i, f := range frequencies {
		plain := 1 - min(max((float32(i)-float32(low))/float32(high-low), 0), 1)
		stretched := 1 / (float32(*r.Factor) * (1 / f))
		frequencies[i] = stretched*(1-plain) + f*plain
	}
	if r.AttentionFactor != nil {
		return float32(*r.AttentionFactor)
	}
	scale := func(m float64) float64 {
		if *r.Factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(*r.Factor) + 1
	}
	if r.MScale != nil && r.MScaleAllDim != nil && *r.MScale != 0 && *r.MScaleAllDim != 0 {
		return float32(scale(*r.MScale) / scale(*r.MScaleAllDim))
	}
	return float32(scale(1))
}
