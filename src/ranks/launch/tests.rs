use super::*;

fn launch(variables: &[(&str, &str)]) -> Result<Option<Launch>, LaunchError> {
    Launch::from_variables(&|name| {
        variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
    })
}

/// All of torchrun's variables but one, which has another value.
fn torchrun(changed: &str, value: Option<&str>) -> Result<Option<Launch>, LaunchError> {
    let all = [
        ("RANK", "3"),
        ("WORLD_SIZE", "4"),
        ("LOCAL_RANK", "1"),
        ("LOCAL_WORLD_SIZE", "2"),
        ("MASTER_ADDR", "gpu1"),
        ("MASTER_PORT", "29500"),
        ("TORCHELASTIC_RUN_ID", "run7"),
        ("TORCHELASTIC_RESTART_COUNT", "1"),
        ("TORCHELASTIC_USE_AGENT_STORE", "True"),
    ];
    let mut all: Vec<(&str, &str)> = all.into_iter().filter(|(name, _)| *name != changed).collect();
    all.extend(value.map(|value| (changed, value)));
    launch(&all)
}

/// The same of srun's.
fn srun(changed: &str, value: Option<&str>) -> Result<Option<Launch>, LaunchError> {
    let all = [
        ("SLURM_PROCID", "5"),
        ("SLURM_NTASKS", "8"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_NODEID", "1"),
        ("SLURM_STEP_TASKS_PER_NODE", "4(x2)"),
        ("SLURM_STEP_NODELIST", "node[07-08]"),
        ("SLURM_JOB_ID", "1234"),
        ("SLURM_STEP_ID", "0"),
        ("SLURM_CPUS_PER_TASK", "6"),
    ];
    let mut all: Vec<(&str, &str)> = all.into_iter().filter(|(name, _)| *name != changed).collect();
    all.extend(value.map(|value| (changed, value)));
    launch(&all)
}

#[test]
fn without_variables_a_process_is_alone() {
    assert_eq!(launch(&[]), Ok(None));
    assert_eq!(launch(&[("MASTER_ADDR", "here"), ("LOCAL_RANK", "1")]), Ok(None));
}

#[test]
fn torchruns_variables_are_read() {
    let found = torchrun("", None).unwrap().unwrap();
    let expected = Launch {
        launcher: Launcher::Torchrun,
        rank: 3,
        size: 4,
        local_rank: Some(1),
        local_size: 2,
        host: "gpu1".to_owned(),
        port: 29500,
        store_is_there: true,
        restarts: 1,
        key: Some("torchrun run7".to_owned()),
        cores: None,
        patience: PATIENCE,
    };
    assert_eq!(found, expected);
    let by_hand = torchrun("TORCHELASTIC_RUN_ID", None).unwrap().unwrap();
    assert_eq!((by_hand.launcher, by_hand.key), (Launcher::Variables, None));
    // Without a name, it is the agent's process that all starts have in common.
    let unnamed = || torchrun("TORCHELASTIC_RUN_ID", Some("none")).unwrap().unwrap().key.unwrap();
    assert_eq!(unnamed(), unnamed());
    assert!(unnamed().contains(&std::os::unix::process::parent_id().to_string()));
}

#[test]
fn contradictions_say_what_is_expected() {
    let told = |found: Result<Option<Launch>, LaunchError>| found.unwrap_err().to_string();
    assert_eq!(
        told(torchrun("RANK", Some("4"))),
        "RANK is \"4\": expected a number from 0 to 3 (WORLD_SIZE is 4)"
    );
    assert_eq!(
        told(torchrun("RANK", None)),
        "RANK is not set, but WORLD_SIZE is: expected this process's number, from 0 to WORLD_SIZE - 1"
    );
    assert_eq!(
        told(torchrun("WORLD_SIZE", None)),
        "WORLD_SIZE is not set, but RANK is: expected the number of processes"
    );
    assert_eq!(
        told(torchrun("WORLD_SIZE", Some("two"))),
        "WORLD_SIZE is \"two\": expected a whole number of at least 0"
    );
    assert_eq!(told(torchrun("WORLD_SIZE", Some("0"))), "WORLD_SIZE is \"0\": expected at least 1");
    assert!(
        told(torchrun("LOCAL_RANK", Some("9"))).starts_with("LOCAL_RANK is \"9\": expected a number from 0")
    );
    assert!(told(torchrun("MASTER_ADDR", None)).starts_with("MASTER_ADDR is not set"));
    assert!(told(torchrun("MASTER_PORT", None)).starts_with("MASTER_PORT is not set"));
    assert_eq!(
        told(torchrun("MASTER_PORT", Some("70000"))),
        "MASTER_PORT is \"70000\": expected a port from 1 to 65535"
    );
    assert!(
        told(srun("SLURM_PROCID", Some("8")))
            .starts_with("SLURM_PROCID is \"8\": expected a number from 0 to 7")
    );
    assert!(told(srun("SLURM_STEP_NODELIST", Some("node["))).starts_with("SLURM_STEP_NODELIST is \"node[\""));
    assert!(told(srun("SLURM_STEP_NODELIST", None)).starts_with("MASTER_ADDR is not set"));
    assert!(told(srun("SLURM_JOB_ID", None)).starts_with("MASTER_PORT is not set"));
}

#[test]
fn one_process_needs_no_place_to_meet() {
    let one = launch(&[("RANK", "0"), ("WORLD_SIZE", "1")]).unwrap().unwrap();
    assert_eq!((one.size, one.local_rank), (1, None));
}

#[test]
fn sruns_variables_are_read_and_a_place_to_meet_is_chosen() {
    let found = srun("", None).unwrap().unwrap();
    assert_eq!((found.rank, found.size, found.local_rank, found.local_size), (5, 8, Some(1), 4));
    assert_eq!((found.host.as_str(), found.launcher), ("node07", Launcher::Slurm));
    assert!((15_000..30_000).contains(&found.port));
    assert_eq!((found.cores, found.key.as_deref()), (Some(6), Some("slurm 1234 0")));
    let other_job = srun("SLURM_JOB_ID", Some("1235")).unwrap().unwrap();
    assert!(other_job.port != found.port);
    assert_eq!(srun("MASTER_PORT", Some("4000")).unwrap().unwrap().port, 4000);
    assert_eq!(srun("MASTER_ADDR", Some("head")).unwrap().unwrap().host, "head");
    assert_eq!(srun("SLURM_RESTART_COUNT", Some("2")).unwrap().unwrap().restarts, 2);
}

#[test]
fn batch_scripts_and_shells_of_slurm_are_alone() {
    let script = launch(&[
        ("SLURM_PROCID", "0"),
        ("SLURM_NTASKS", "4"),
        ("ENVIRONMENT", "BATCH"),
        ("SLURM_JOB_ID", "1"),
    ]);
    assert_eq!(script, Ok(None));
    assert_eq!(srun("SLURM_STEP_ID", Some("4294967290")), Ok(None));
    assert_eq!(launch(&[("SLURM_NTASKS", "4")]), Ok(None));
    // torchrun within a job.
    let both = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("RANK", "0"), ("WORLD_SIZE", "1")];
    assert_eq!(launch(&both).unwrap().unwrap().size, 1);
}
