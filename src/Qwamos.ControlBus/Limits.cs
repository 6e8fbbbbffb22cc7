namespace Qwamos.ControlBus;

/// <summary>Every limit of the bus, its unit last in its name. Numbers without another reason are DESIGN section 3's.</summary>
public static class Limits
{
    // A request and what it may hold.

    /// <summary>Longest request, `{` to `}`: leaves 4 KiB of a 64 KiB leaf for what the ledger says about it.</summary>
    public const int MaxRequestBytes = 61_440;

    /// <summary>Longest delivery: a leaf in base64, its path in the tree, and, where the leaf holds its hash only, the envelope in base64.</summary>
    public const int MaxDeliveryBytes = 131_072;

    /// <summary>Deepest nesting, the outermost object being 1: no honest message needs more than 4, and recursion stays small.</summary>
    public const int MaxJsonDepth = 16;

    /// <summary>Most policy keys one set_policy may name.</summary>
    public const int MaxArgs = 64;

    /// <summary>Random bytes in a nonce: 128 bits never meet by chance.</summary>
    public const int NonceBytes = 16;

    /// <summary>Most signatures beside one msg: each costs a verification before anything is believed.</summary>
    public const int MaxSignatures = 16;

    /// <summary>Most active keys: a bare signature is tried against each of them.</summary>
    public const int MaxActiveKeys = 16;

    /// <summary>Longest reason, in code points: a few paragraphs for an auditor, not a file.</summary>
    public const int MaxReasonCodePoints = 1_024;

    /// <summary>Greatest integer a double holds exactly (RFC 7493 section 2.2): beyond it two parsers may disagree.</summary>
    public const long MaxSafeInteger = (1L << 53) - 1;

    // Time.

    /// <summary>How far a timestamp may lie from now, inclusive, both ways.</summary>
    public const int FreshnessWindowSeconds = 300;

    /// <summary>Margin below the time floor after which no clock can make a message acceptable again.</summary>
    public const int ReplayMarginSeconds = 2 * FreshnessWindowSeconds;

    // Connections.

    /// <summary>Unanswered requests of one connection before the daemon stops reading it.</summary>
    public const int MaxUnansweredPerConnection = 64;

    /// <summary>Requests of one uid that may wait before `busy`.</summary>
    public const int MaxWaitingPerUid = 1_024;

    /// <summary>Trust roots among them: each is up to a megabyte in memory.</summary>
    public const int MaxWaitingRootsPerUid = 2;

    /// <summary>Deliveries among them: each is up to half a megabyte in memory. A courier has at most <see cref="MaxDeliveriesUnderWay"/> under way.</summary>
    public const int MaxWaitingDeliveriesPerUid = 32;

    /// <summary>Time for a begun request to end.</summary>
    public const int RequestTimeoutSeconds = 10;

    /// <summary>Time a connection may stay without a request.</summary>
    public const int IdleTimeoutSeconds = 60;

    /// <summary>Time a peer has to finish sending what was refused, so that it reads the answer instead of a reset.</summary>
    public const int LingerTimeoutSeconds = 2;

    /// <summary>Bytes of it that are read and thrown away.</summary>
    public const int MaxLingerBytes = 1_048_576;

    /// <summary>Longest answer, its newline included: below 65,536, so one default pipe or socket read takes it.</summary>
    public const int MaxAnswerBytes = 65_535;

    /// <summary>Longest Unix socket path: sun_path's 108 bytes less its NUL.</summary>
    public const int MaxUnixPathBytes = 107;

    // Policy and configuration.

    /// <summary>Most keys a schema may define: status of all of them must fit one answer.</summary>
    public const int MaxPolicyKeys = 64;

    /// <summary>Longest name of a policy key: it is a file name (hooks.d), too.</summary>
    public const int MaxPolicyKeyNameBytes = 48;

    /// <summary>Longest policy.schema.json.</summary>
    public const int MaxSchemaFileBytes = 65_536;

    /// <summary>Longest qwamosd.json, domains.json or gateway.json: as many domains as there may be, with long names.</summary>
    public const int MaxConfigFileBytes = 524_288;

    /// <summary>Most domains of one system: each costs the courier a task and a connection, and a row in status.</summary>
    public const int MaxGateways = 1_024;

    /// <summary>Most ports at which a gateway awaits Dom0 beside its socket: each costs two threads.</summary>
    public const int MaxListenLinks = 4;

    /// <summary>Most tags of one domain.</summary>
    public const int MaxDomainTags = 8;

    /// <summary>Most bytes of gateways' rows in one status: the rest of it fits beside them, and the other rows are asked for one page after another.</summary>
    public const int MaxGatewayPageBytes = 40_000;

    /// <summary>Longest name of a gateway after which a page of status is to begin, in UTF-16 units.</summary>
    public const int MaxPageNameChars = 64;

    // Ledger.

    /// <summary>Longest leaf: its length fits the 16 bits of a tlog-tiles entry bundle.</summary>
    public const int MaxLeafBytes = 65_535;

    /// <summary>Longest head of a leaf that is stored once for many entries: a leaf that begins with a longer one is stored whole.</summary>
    public const int MaxHeadBytes = 2_048;

    /// <summary>Heads among which the writer looks for the one of a new entry: the operators', their programs', and what they set together.</summary>
    public const int MaxRecentHeads = 64;

    /// <summary>Nonces in one row of their table: four rows fill a page of 4,096 bytes.</summary>
    public const int MaxNoncesOfARow = 61;

    /// <summary>Nonces held in memory unless qwamosd.json says otherwise; full is `replay_store_full`, never an early eviction.</summary>
    public const int ReplayCapacityNonces = 1_000_000;

    /// <summary>The smallest memory of nonces: a person's changes of ten minutes.</summary>
    public const int MinReplayCapacityNonces = 100;

    /// <summary>The largest, about 450 MB.</summary>
    public const int MaxReplayCapacityNonces = 10_000_000;

    /// <summary>Free space below which the ledger's disk is called full: a batch of some entries and what SQLite needs beside it.</summary>
    public const long MinFreeLedgerBytes = 262_144;

    /// <summary>The head of a request for metrics.</summary>
    public const int MaxMetricsHeadBytes = 8_192;

    /// <summary>Most entries in one commit: bounds memory and the wait of the last sender of a batch.</summary>
    public const int MaxBatchEntries = 512;

    /// <summary>Entries between two snapshots of the fold: start-up replays at most this many.</summary>
    public const int SnapshotEveryEntries = 1_000;

    /// <summary>WAL pages after which the writer checkpoints: SQLite's own default.</summary>
    public const int CheckpointEveryPages = 1_000;

    /// <summary>Longest value in a ledger's row that is read: above the longest snapshot that is used, 1 MiB. Root's boot reads it, too.</summary>
    public const int MaxLedgerValueBytes = 4 * 1024 * 1024;

    /// <summary>Largest ledger.db or -wal that the boot copies when it cannot open it in place: /run is memory.</summary>
    public const long MaxLedgerCopyBytes = 1L << 30;

    /// <summary>Wait before a projection is rewritten, so that a burst costs one write; section 6 allows 100 ms.</summary>
    public const int ProjectionDelayMilliseconds = 50;

    // Audit.

    /// <summary>Longest signed note: a checkpoint with 16 post-quantum cosignatures of 5 kB each, and more.</summary>
    public const int MaxNoteBytes = 131_072;

    /// <summary>Most signature lines of a note: what other programs for notes take.</summary>
    public const int MaxNoteSignatures = 100;

    /// <summary>Most hashes of an inclusion or consistency proof: one a level on each side.</summary>
    public const int MaxProofHashes = 64;

    /// <summary>Longest proof file: a leaf, its path, the trust roots of its ledger with theirs, in base64, and a note.</summary>
    public const int MaxProofFileBytes = 4_194_304;

    /// <summary>Most trust roots in a proof file: a verification of at most 16 signatures each.</summary>
    public const int MaxProofRoots = 512;

    /// <summary>Bytes of leaves in one answer: their base64 stays below <see cref="MaxAnswerBytes"/>, with room for what is beside it.</summary>
    public const int MaxLeafPageBytes = 48_000;

    /// <summary>Longest file with a verifier key: one line.</summary>
    public const int MaxVerifierKeyFileBytes = 4_096;

    /// <summary>Least time between two checkpoints made after commits.</summary>
    public const int CheckpointPauseSeconds = 1;

    /// <summary>Most time between two checkpoints while nothing is committed.</summary>
    public const int CheckpointIdleSeconds = 60;

    /// <summary>Age from which a checkpoint says nothing about now: several idle ones were missed.</summary>
    public const int CheckpointStaleSeconds = 300;

    /// <summary>Longest verifier key of a ledger: it has 93 characters.</summary>
    public const int MaxVerifierKeyChars = 128;

    /// <summary>Witnesses that an auditor may name.</summary>
    public const int MaxWitnesses = 64;

    /// <summary>Longest file that names them.</summary>
    public const int MaxWitnessListBytes = 65_536;

    /// <summary>Time that a client gives the witnesses to cosign what it exports or verifies.</summary>
    public const int WitnessWaitSeconds = 5;

    /// <summary>Longest file of a witness's memory: a note with the ledger's lines only, and a statement; a kilobyte or two.</summary>
    public const int MaxWitnessFileBytes = 65_536;

    /// <summary>
    /// Files of evidence that a witness keeps of two histories that prove themselves, and as many of what an operator or root replaced: the first
    /// ones, for those that follow tell the same story.
    /// </summary>
    public const int MaxEvidenceFiles = 16;

    /// <summary>Files of evidence of each kind that anybody can bring about, without any key.</summary>
    public const int MaxUnprovenEvidenceFiles = 4;

    /// <summary>Files of evidence that the boot keeps of other keys than the ledger's: the first ones.</summary>
    public const int MaxBootEvidenceFiles = 16;

    /// <summary>Files that a client keeps of what it saw under a ledger's keys before the present one: the first ones.</summary>
    public const int MaxReplacedCheckpoints = 8;

    // Private keys.

    /// <summary>Longest private key file: the text form has at most some 400 bytes.</summary>
    public const int MaxPrivateKeyFileBytes = 1_024;

    /// <summary>Longest passphrase: a terminal's line has 4,096 bytes, and nobody types a quarter of it.</summary>
    public const int MaxPassphraseBytes = 1_024;

    /// <summary>Longest comment of a private key file.</summary>
    public const int MaxKeyCommentChars = 100;

    /// <summary>Memory of Argon2id for a new private key file: what RFC 9106 recommends where memory is short, as on a phone.</summary>
    public const int Argon2MemoryKibibytes = 65_536;

    /// <summary>Its passes: with that memory, the same recommendation.</summary>
    public const int Argon2Passes = 3;

    /// <summary>Lanes: libsodium calculates one.</summary>
    public const int Argon2Lanes = 1;

    /// <summary>Least memory that Argon2id takes for one lane (RFC 9106, section 3.1).</summary>
    public const int MinArgon2MemoryKibibytes = 8;

    /// <summary>Most memory that a file may ask for, 1 GiB: a phone has it, and a file must not fill a machine.</summary>
    public const int MaxArgon2MemoryKibibytes = 1_048_576;

    /// <summary>Most passes that it may ask for: with that memory some ten seconds.</summary>
    public const int MaxArgon2Passes = 16;

    // The agent that holds an unlocked key.

    /// <summary>Longest request to it: a message in base64, and what is beside it.</summary>
    public const int MaxAgentRequestBytes = 90_112;

    /// <summary>Longest answer of it.</summary>
    public const int MaxAgentAnswerBytes = 4_096;

    /// <summary>Connections that it serves at a time; more wait until one is closed.</summary>
    public const int MaxAgentConnections = 16;

    /// <summary>Time for a connection to send its request, and for the agent to answer what it asks nobody about.</summary>
    public const int AgentTimeoutSeconds = 5;

    /// <summary>Time that the agent waits for a person's answer.</summary>
    public const int AgentQuestionSeconds = 60;

    /// <summary>Time without a signature after which it forgets the key, unless it was told otherwise: 15 minutes.</summary>
    public const int AgentLockAfterSeconds = 900;

    /// <summary>The longest that it may be told: a day.</summary>
    public const int MaxAgentLockAfterSeconds = 86_400;

    // Backups.

    /// <summary>Bytes of a backup in one answer: as <see cref="MaxLeafPageBytes"/>.</summary>
    public const int MaxBackupPageBytes = 48_000;

    /// <summary>Backups that the daemon keeps of those asked of it; a newer one takes the place of its oldest.</summary>
    public const int MaxKeptBackups = 3;

    /// <summary>Backups that `qwamosd backup`, run by a timer each day, keeps.</summary>
    public const int MaxDailyBackups = 7;

    /// <summary>Requests for backups that are remembered for as long as each is fresh, so that none begins two; half of them one key's.</summary>
    public const int MaxBackupRequests = 1_000;

    /// <summary>Database pages copied in one step of a backup: 256 KiB, so that a stop waits some milliseconds at most.</summary>
    public const int BackupStepPages = 64;

    /// <summary>How long a client waits for the daemon to make a backup.</summary>
    public const int MaxBackupWaitSeconds = 3_600;

    // Boot assessment.

    /// <summary>Boots that a value on trial gets unless qwamosd.json says otherwise.</summary>
    public const int DefaultBootTries = 2;

    /// <summary>The most it may say.</summary>
    public const int MaxBootTries = 10;

    /// <summary>Values of a key that boots replaced in the policy, and that can be put back.</summary>
    public const int MaxEarlierValues = 8;

    /// <summary>Time that one check of a boot may take before it is killed.</summary>
    public const int BootCheckTimeoutSeconds = 30;

    /// <summary>Most checks of a boot: with their time, what the unit waits for.</summary>
    public const int MaxBootChecks = 64;

    // Delivery.

    /// <summary>Longest that a request waits for the ledger to grow: well below the time after which a connection counts as idle.</summary>
    public const int MaxGrowthWaitSeconds = 30;

    /// <summary>Domains whose keys a ledger remembers; more than qwamosd.json can name, for it may name others later.</summary>
    public const int MaxDomainKeys = 4_096;

    /// <summary>Longest row of a domain in the courier's domains.json: twice the longest report.</summary>
    public const int MaxDomainRowBytes = 64 * 1024;

    /// <summary>Longest policy.json of the courier: a snapshot's state, and where it stands.</summary>
    public const int MaxCourierPolicyBytes = 2 * 1024 * 1024;

    /// <summary>Deliveries under way to one domain: its answer to one comes while the next are read.</summary>
    public const int MaxDeliveriesUnderWay = 16;

    // Enforcement.

    /// <summary>Time a hook may run before its process group is killed.</summary>
    public const int HookTimeoutSeconds = 10;

    /// <summary>Output of a hook that is kept for the log.</summary>
    public const int MaxHookOutputBytes = 4_096;

    /// <summary>Longest call of a hook by its unit, and so what the hook reads: a request's value with what is beside it. A pipe's 64 KiB takes it whole.</summary>
    public const int MaxHookCallBytes = 65_535;

    /// <summary>Time for the daemon's call to reach a hook's unit, and for the unit to begin and to answer beside the hook's own.</summary>
    public const int HookUnitGraceSeconds = 5;

    /// <summary>Interfaces of one kind that gateway.json may name: the rules for what is forwarded are one a pair.</summary>
    public const int MaxInterfaces = 8;

    /// <summary>Longest name of a network interface: Linux's IFNAMSIZ less its NUL.</summary>
    public const int MaxInterfaceNameChars = 15;

    /// <summary>Time that nft may take for one ruleset before it is killed: a slow machine takes a tenth of a second for the largest.</summary>
    public const int FirewallTimeoutSeconds = 5;

    /// <summary>Time within which the baseline is tried again at a boot, the last try's own included: less than its unit's TimeoutStartSec.</summary>
    public const int BaselineSeconds = 25;

    /// <summary>Longest ruleset: a pipe's 64 KiB takes it whole, so that writing it never waits for a reader.</summary>
    public const int MaxRulesetBytes = 61_440;

    /// <summary>Longest listing of our table that is read back: the largest ruleset, as JSON with its counters.</summary>
    public const int MaxRulesetListingBytes = 1_048_576;

    /// <summary>Time between two looks at what the kernel really has; drift shows within 5 s.</summary>
    public const int ObservationSeconds = 2;

    /// <summary>Time after which what could not be put in force is tried again: root may have mended the cause.</summary>
    public const int EnforcementRetrySeconds = 10;

    /// <summary>Radio switches that are looked at.</summary>
    public const int MaxRadios = 64;

    /// <summary>Log lines that wait for a reader; more are dropped and counted.</summary>
    public const int MaxWaitingLogLines = 1_024;

    /// <summary>Bytes of unfinished requests that one uid's connections may hold together: 10,000 half requests must not fill the memory.</summary>
    public const int MaxUnfinishedBytesPerUid = 16 * 1024 * 1024;

    /// <summary>Connections that one uid may always have; above it, three quarters of the places.</summary>
    public const int MinConnectionsPerUid = 10_000;

    // Trust.

    /// <summary>A trust root with its signatures: it travels as one request, and stands whole in its leaf.</summary>
    public const int MaxTrustRootBytes = 57_344;

    /// <summary>Longest file that waits for signatures: a trust root, spread over lines for people.</summary>
    public const int MaxWaitingFileBytes = 262_144;

    public const int MaxRoles = 16;

    /// <summary>Commands, grants of policy, or values of a grant in one role.</summary>
    public const int MaxGrants = 64;

    /// <summary>Revoked keys are kept for good.</summary>
    public const int MaxRevocations = 256;

    /// <summary>How long a change that needs several holders may wait for them: <c>expires</c> less <c>timestamp</c>.</summary>
    public const int MaxProposalSeconds = 7 * 86_400;

    /// <summary>Least time that an old key stays beside its successor: every message that it signed before is then too old.</summary>
    public const int RotationOverlapSeconds = FreshnessWindowSeconds;

    /// <summary>From so long before its end on a trust root's expiry is warned of.</summary>
    public const int RootExpiryWarningSeconds = 30 * 86_400;

    /// <summary>The last second of the year 9999, the last that has a date: a time beyond is shown as that.</summary>
    public const long MaxShownSeconds = 253_402_300_799;
}
