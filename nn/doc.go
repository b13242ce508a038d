// Package nn has the layers from which models are written, and the sites at
// which deltas attach to them.
//
// A model's page asks its [Scope] for layers along the published module path:
//
//	l.Query = s.Linear("query", hidden, hidden)
//
// That one call names the layer, checks the shape of its tensors against the
// file, notes that they were read, and makes the layer a site. There is no other
// way to make a layer, so no weight is without a site, and [Loading.Finish] can
// say of every tensor of the file whether it was used, is known to be unneeded,
// or has no place, which is an error.
//
// A layer's parameters are frozen in the form that the device packs, until
// [Param.Train] makes one trainable. [Param.Freeze] gives back the base's own
// elements to the bit, because they are read from the file again.
//
// Deltas are put into slots of sites ([Linear.Attach], [Sublayer.Attach],
// [Attention.Attach], [Embedding.Attach]) and taken out again in any order. The
// layers never know which method a delta is.
//
// A forward pass records on a tape ([Pass]); nothing is computed here.
package nn
