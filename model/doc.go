// Package model opens pretrained transformers as published: a folder with
// config.json and weights, in the layout of the transformers library.
//
// An architecture is one page in a package of its own below this one: its
// config, the names of its tensors, and its forward pass in the order of the
// paper. A page registers itself by the config's model_type; importing
// trimtab/model/all brings in every page.
//
// Nothing is silently ignored: every key of config.json is read by the page or
// listed as one that does not change the computation, and every tensor of the
// file has a place (see [trimtab/nn.Loading]). No behaviour hangs on a model's name or path.
package model
