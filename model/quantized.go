package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"trimtab/checkpoint"
	"trimtab/nn"
)

// quantizationKey is the key of config.json that says how the file is quantized.
const quantizationKey = "quantization_config"

// bitsandbytes is the one library whose files are read and written.
const bitsandbytes = "bitsandbytes"

// quantizationConfig is transformers' BitsAndBytesConfig. What other libraries do with the rest of a pass (compute types, outliers, offloading)
// is read and changes nothing here: a weight stands for its elements.
type quantizationConfig struct {
	Method       string      `json:"quant_method"`
	FourBit      bool        `json:"load_in_4bit"`
	EightBit     bool        `json:"load_in_8bit"`
	FourBitOld   bool        `json:"_load_in_4bit"`
	EightBitOld  bool        `json:"_load_in_8bit"`
	ComputeDType string      `json:"bnb_4bit_compute_dtype"`
	Storage      string      `json:"bnb_4bit_quant_storage"`
	Type         string      `json:"bnb_4bit_quant_type"`
	Double       bool        `json:"bnb_4bit_use_double_quant"`
	Offload      bool        `json:"llm_int8_enable_fp32_cpu_offload"`
	HalfWeight   bool        `json:"llm_int8_has_fp16_weight"`
	SkipModules  []string    `json:"llm_int8_skip_modules"`
	Threshold    json.Number `json:"llm_int8_threshold"`
}

// source is the file as the config says that it is to be read.
func (c *Config) source(file *checkpoint.File) (nn.Source, error) {
	raw, ok := c.Raw[quantizationKey]
	if !ok || string(raw) == "null" {
		return file, nil
	}
	var other struct {
		Method string `json:"quant_method"`
	}
	if err := json.Unmarshal(raw, &other); err == nil && other.Method != bitsandbytes {
		c.fail(quantizationKey, fmt.Errorf("quant_method is %q, and only %s is read", other.Method, bitsandbytes))
		return nil, c.err
	}
	q := quantizationConfig{Storage: "uint8"}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		return nil, fmt.Errorf("%s: %w: %s: %v", c.Path, ErrConfig, quantizationKey, err)
	}
	switch {
	case q.FourBit == q.EightBit:
		c.fail(quantizationKey, fmt.Errorf("load_in_4bit is %v and load_in_8bit %v, and one of them must be true", q.FourBit, q.EightBit))
	case q.Storage != "uint8":
		c.fail(quantizationKey, fmt.Errorf("bnb_4bit_quant_storage is %q, and only uint8 is read", q.Storage))
	case q.HalfWeight:
		c.fail(quantizationKey, errors.New("llm_int8_has_fp16_weight is true: nothing in the file is quantized"))
	}
	if c.err != nil {
		return nil, c.err
	}
	return checkpoint.OpenBitsandbytes(file)
}
