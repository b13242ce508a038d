// Package all registers every architecture.
package all

import _ "trimtab/model/bert" // BERT
