//! `Engine`: hands the shards of a sweep to a scheduler, as a script or a manifest that is ready to run.

use core::fmt;
use core::str::FromStr;

/// A scheduler that carries shards out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Slurm: a job array (sbatch(1)).
    Slurm,
    /// Kubernetes: an indexed job (batch/v1).
    Kubernetes,
    /// `HyperQueue`: a task array.
    HyperQueue,
    /// Ray: a program that starts a task a shard.
    Ray,
    /// GNU parallel.
    Parallel,
}

/// What is to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The plan's path, as the tasks see it.
    pub plan: String,
    /// The folder for the shards' files, as the tasks see it.
    pub out: String,
    /// In how many shards.
    pub shards: u64,
    /// The command.
    pub program: String,
    /// The image of a container that has it.
    pub image: String,
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|engine| engine.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text}: there are {names}")
        })
    }
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Slurm, Self::Kubernetes, Self::HyperQueue, Self::Ray, Self::Parallel];

    /// Its name, as `--emit` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slurm => "slurm",
            Self::Kubernetes => "k8s",
            Self::HyperQueue => "hq",
            Self::Ray => "ray",
            Self::Parallel => "parallel",
        }
    }

    /// The script or manifest.
    pub fn script(self, job: &Job) -> String {
        match self {
            Self::Slurm => slurm(job),
            Self::Kubernetes => kubernetes(job),
            Self::HyperQueue => hyper_queue(job),
            Self::Ray => ray(job),
            Self::Parallel => parallel(job),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word for the shell (POSIX, 2.2.2).
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@%,=".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A text in JSON, which YAML and Python read as well.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The command that carries the shard out that the engine's environment names.
fn command(job: &Job) -> String {
    let [program, plan, out] = [&job.program, &job.plan, &job.out].map(|word| quoted(word));
    format!("{program} sweep run {plan} --shards {} --out {out}", job.shards)
}

fn merge(job: &Job) -> String {
    let [program, out] = [&job.program, &job.out].map(|word| quoted(word));
    format!("{program} sweep merge {out} --out sweep.parquet")
}

fn slurm(job: &Job) -> String {
    format!(
        "#!/bin/sh\n\
         #SBATCH --job-name=roundtrip-sweep\n\
         #SBATCH --array=0-{last}\n\
         #SBATCH --ntasks=1\n\
         #SBATCH --cpus-per-task=1\n\
         #SBATCH --mem-per-cpu=512M\n\
         #SBATCH --requeue\n\
         # sbatch this file. A task that is started again takes up what the one before has done; one that is\n\
         # stopped (SIGTERM) ends with 75 once what it has is on the disk. When all are done:\n\
         #   {merge}\n\
         exec {command} --threads \"${{SLURM_CPUS_PER_TASK:-1}}\"\n",
        last = job.shards.saturating_sub(1),
        merge = merge(job),
        command = command(job),
    )
}

fn hyper_queue(job: &Job) -> String {
    format!(
        "#!/bin/sh\n\
         # Needs a server (hq server start) and workers (hq worker start). When all tasks are done:\n\
         #   {merge}\n\
         exec hq submit --name roundtrip-sweep --array 0-{last} --cpus 1 --crash-limit 5 \\\n  \
           {command} --threads 1\n",
        last = job.shards.saturating_sub(1),
        merge = merge(job),
        command = command(job),
    )
}

fn parallel(job: &Job) -> String {
    let [program, plan, out] = [&job.program, &job.plan, &job.out].map(|word| quoted(word));
    // What stands in the command is read by a shell once more.
    let task =
        format!("{program} sweep run {plan} --shard {{}}/{} --out {out} --threads 1", job.shards);
    format!(
        "#!/bin/sh\n\
         # Run it again after a failure: what is done stays done. In the end:\n\
         #   {merge}\n\
         set -e\n\
         mkdir -p {out}\n\
         seq 1 {shards} | parallel --joblog {log} --resume-failed {task}\n",
        merge = merge(job),
        shards = job.shards,
        log = quoted(&format!("{}/joblog", job.out.trim_end_matches('/'))),
        task = quoted(&task),
    )
}

fn kubernetes(job: &Job) -> String {
    let words = ["sweep", "run", &job.plan, "--shards", &job.shards.to_string(), "--out", &job.out];
    let arguments: Vec<String> =
        words.iter().chain(&["--threads", "1"]).map(|word| json(word)).collect();
    format!(
        "# kubectl apply -f this file. The claim roundtrip-sweep holds the plan and its inputs, and takes the\n\
         # results. A pod that is evicted ends with 75 and is started again; a plan that is wrong (2) ends the job.\n\
         # When it is complete:\n\
         #   {merge}\n\
         apiVersion: batch/v1\n\
         kind: Job\n\
         metadata:\n  \
           name: roundtrip-sweep\n\
         spec:\n  \
           completionMode: Indexed\n  \
           completions: {shards}\n  \
           parallelism: {at_once}\n  \
           backoffLimitPerIndex: 3\n  \
           maxFailedIndexes: {shards}\n  \
           podFailurePolicy:\n    \
             rules:\n      \
             - action: FailJob\n        \
               onExitCodes:\n          \
                 containerName: sweep\n          \
                 operator: In\n          \
                 values: [2]\n      \
             - action: Ignore\n        \
               onExitCodes:\n          \
                 containerName: sweep\n          \
                 operator: In\n          \
                 values: [75]\n      \
             - action: Ignore\n        \
               onPodConditions:\n        \
               - type: DisruptionTarget\n          \
                 status: \"True\"\n  \
           template:\n    \
             metadata:\n      \
               labels:\n        \
                 app: roundtrip-sweep\n    \
             spec:\n      \
               restartPolicy: Never\n      \
               containers:\n      \
               - name: sweep\n        \
                 image: {image}\n        \
                 command: [{program}]\n        \
                 args: [{arguments}]\n        \
                 workingDir: /sweep\n        \
                 resources:\n          \
                   requests: {{cpu: \"1\", memory: 512Mi}}\n          \
                   limits: {{memory: 1Gi}}\n        \
                 volumeMounts:\n        \
                 - name: sweep\n          \
                   mountPath: /sweep\n      \
               volumes:\n      \
               - name: sweep\n        \
                 persistentVolumeClaim:\n          \
                   claimName: roundtrip-sweep\n",
        merge = merge(job),
        shards = job.shards,
        at_once = job.shards.min(100),
        image = json(&job.image),
        program = json(&job.program),
        arguments = arguments.join(", "),
    )
}

fn ray(job: &Job) -> String {
    let words = [&job.program, &job.plan, &job.out].map(|word| json(word));
    let [program, plan, out] = words;
    format!(
        "#!/usr/bin/env python3\n\
         # ray job submit -- python3 this file. When all tasks are done:\n\
         #   {merge}\n\
         import subprocess\n\n\
         import ray\n\n\
         SHARDS = {shards}\n\n\n\
         @ray.remote(num_cpus=1, max_retries=5, retry_exceptions=True)\n\
         def shard(number):\n    \
             command = [{program}, \"sweep\", \"run\", {plan}, \"--shard\", f\"{{number}}/{{SHARDS}}\"]\n    \
             subprocess.run([*command, \"--out\", {out}, \"--threads\", \"1\"], check=True)\n\n\n\
         ray.init()\n\
         ray.get([shard.remote(number) for number in range(1, SHARDS + 1)])\n",
        merge = merge(job),
        shards = job.shards,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job {
            plan: "my plan.toml".into(),
            out: "it's/".into(),
            shards: 40,
            program: "roundtrip".into(),
            image: "registry.example/roundtrip:0.1.0".into(),
        }
    }

    #[test]
    fn words_keep_their_blanks_and_quotes() {
        assert_eq!(quoted("a/b.toml"), "a/b.toml");
        assert_eq!(quoted("my plan.toml"), "'my plan.toml'");
        assert_eq!(quoted("it's/"), "'it'\\''s/'");
        assert_eq!(quoted(""), "''");
        let script = Engine::Slurm.script(&job());
        assert!(
            script.contains("sweep run 'my plan.toml' --shards 40 --out 'it'\\''s/'"),
            "{script}"
        );
        assert!(script.contains("#SBATCH --array=0-39\n"), "{script}");
    }

    #[test]
    fn engines_are_known_by_their_names() {
        for engine in Engine::ALL {
            assert_eq!(engine.name().parse(), Ok(engine));
            assert!(engine.script(&job()).contains("40"), "{engine}");
        }
        assert!("pbs".parse::<Engine>().expect_err("none").contains("slurm, k8s, hq"));
    }
}
