package recipe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/recipe"
)

func TestLanguageModels(t *testing.T) {
	for task := range configs {
		t.Run(task, func(t *testing.T) {
			dev := device(t)
			dir := t.TempDir()
			text := write(t, filepath.Join(dir, "text.txt"), strings.Join(texts()[:16], "\n"))
			r, err := recipe.Parse("r.yaml", []byte("model_name_or_path: "+small(t, task)+`
task: `+task+`
data: {train: {file: `+text+`}, validation: {file: `+text+`}}
deltas: [{peft_type: LORA, r: 8, target_modules: all-linear}]
training: {learning_rate: 1e-2, max_steps: 8, per_device_train_batch_size: 4, eval_steps: 1, early_stopping_patience: 8}
output_dir: `+filepath.Join(dir, "run")))
			if err != nil {
				t.Fatal(err)
			}
			o, err := r.Train(t.Context(), dev, recipe.TrainOptions{})
			if err != nil {
				t.Fatal(err)
			}
			metrics, err := os.ReadFile(filepath.Join(o.Dir, "metrics.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if o.Best[0].Name != "perplexity" || o.BestStep < 4 {
				t.Errorf("best after step %d: %v\n%s", o.BestStep, o.Best, metrics)
			}
		})
	}
}
