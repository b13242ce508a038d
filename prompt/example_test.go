package prompt_test

import (
	"encoding/json"
	"fmt"
	"math"

	"trimtab/prompt"
)

func ExampleParseTemplate() {
	t, err := prompt.ParseTemplate(`{sentence} It was {mask}.`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t)
	_, err = prompt.ParseTemplate(`{"placeholder": "sentence", "shortenabel": False} It was {"mask"}.`)
	fmt.Println(err)
	// Output:
	// {"placeholder": "sentence"} It was {"mask"}.
	// template: column 29: unknown key "shortenabel"; did you mean "shortenable"?
}

func ExampleParseVerbalizer() {
	v, err := prompt.ParseVerbalizer(map[string]any{"positive": []any{"great", "good"}, "negative": "bad"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Classes, v.Words)
	// Output:
	// [negative positive] [[bad] [great good]]
}

func ExampleProbabilities() {
	scores := []float64{-1.5, -1.5, -1.5 + math.Log(2)} // of three classes
	fmt.Printf("%.2f\n", prompt.Probabilities(scores))
	// Output:
	// [0.25 0.25 0.50]
}

// A verbalizer goes to a file, and comes back, as what recipes say.
func ExampleVerbalizer_MarshalJSON() {
	v, err := prompt.ParseVerbalizer(map[string]any{"positive": []any{"great", "good"}, "negative": "bad"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(data))
	var again prompt.Verbalizer
	if err := json.Unmarshal(data, &again); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.Classes, again.Words)
	// Output:
	// {"classes":["negative","positive"],"label_words":[["bad"],["great","good"]],"post_log_softmax":true}
	// [negative positive] [[bad] [great good]]
}
