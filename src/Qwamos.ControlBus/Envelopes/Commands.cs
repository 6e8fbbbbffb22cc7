namespace Qwamos.ControlBus.Envelopes;

/// <summary>The commands whose <c>args</c> have a form of their own.</summary>
public static class Commands
{
    /// <summary>A policy change: <c>args</c> holds 1 to 64 policy keys.</summary>
    public const string SetPolicy = "set_policy";

    /// <summary>A look at the state: <c>args</c> is absent, empty or holds <c>reveal</c>, <c>base</c> or <c>gateways_after</c>. May come unsigned.</summary>
    public const string GetStatus = "get_status";

    /// <summary>The ledger's tree, signed by the ledger's key, the newest or, from a gateway, the last it saw: no <c>args</c>. May come unsigned.</summary>
    public const string GetCheckpoint = "get_checkpoint";

    /// <summary>
    /// Leaves as a stream, in pages: <c>args</c> is <c>{"from":N,"skip":B}</c>, B bytes of what starts with entry N being had already. May come
    /// unsigned; qwamosd's only.
    /// </summary>
    public const string GetEntries = "get_entries";

    /// <summary>
    /// That an entry is in the tree of a checkpoint: <c>args</c> is <c>{"index":N}</c>, or <c>{"index":N,"size":N}</c> for a tree that was seen before. May come
    /// unsigned; qwamosd's only.
    /// </summary>
    public const string GetProof = "get_proof";

    /// <summary>
    /// Whether the ledger has grown: <c>args</c> is <c>{"size":N,"wait":S}</c>. The courier's answer comes when it has more than N entries, or after
    /// S seconds; everybody else's at once. May come unsigned; qwamosd's only.
    /// </summary>
    public const string GetGrowth = "get_growth";

    /// <summary>
    /// The envelope of a confidential change, in pages: <c>args</c> is <c>{"index":N,"skip":B}</c>. Unsigned, and answered to the courier's user only;
    /// qwamosd's only.
    /// </summary>
    public const string GetEnvelope = "get_envelope";

    /// <summary>That one tree begins with another: <c>args</c> is <c>{"old":N,"new":N}</c>, two sizes. May come unsigned; qwamosd's only.</summary>
    public const string GetConsistency = "get_consistency";

    /// <summary>
    /// An operator's statement that a verifier key is the ledger's: <c>args</c> is a <see cref="LedgerKeyStatement"/>. It carries its own
    /// signature and never another one.
    /// </summary>
    public const string LedgerKey = "ledger_key";

    /// <summary>
    /// An operator's statement about a domain's own key: <c>args</c> is a <see cref="DomainKeyStatement"/>. It carries its own signature and never
    /// another one; qwamosd's only.
    /// </summary>
    public const string DomainKey = "domain_key";

    /// <summary>
    /// A checkpoint for a witness, and the proof that it extends the last one: <c>args</c> is a <see cref="CheckpointOffer"/>. The note in it
    /// carries the ledger's signature; a gateway's only.
    /// </summary>
    public const string Checkpoint = "checkpoint";

    /// <summary>A version of the trust root: <c>args</c> is a <see cref="Trust.SignedRoot"/>, which carries its own signatures.</summary>
    public const string TrustRoot = "trust_root";

    /// <summary>
    /// A version of the trust root, with its signatures: <c>args</c> is <c>{"version":N}</c>, or absent for the newest. May come unsigned.
    /// </summary>
    public const string GetTrustRoot = "get_trust_root";

    /// <summary>
    /// An entry of Dom0's ledger for a domain, with the proof that it is one: <c>args</c> is a <see cref="DeliveryOffer"/>. What was signed stands in the
    /// entry; a gateway's only.
    /// </summary>
    public const string Deliver = "deliver";

    /// <summary>Which delivery a domain took last: no <c>args</c>. May come unsigned; a gateway's only.</summary>
    public const string GetCursor = "get_cursor";

    /// <summary>The domains and their keys, in pages: <c>args</c> is absent or <c>{"after":NAME}</c>. May come unsigned; qwamosd's only.</summary>
    public const string GetDomains = "get_domains";

    /// <summary>
    /// What a domain says of its keys, signed by its own: <c>args</c> is a <see cref="ReportQuestion"/>. May come unsigned, and waits until there is something new;
    /// a gateway's only.
    /// </summary>
    public const string GetReport = "get_report";

    /// <summary>
    /// A domain's word that a change is in force there: <c>args</c> is an <see cref="InForceStatement"/>. It carries the domain's signature and never another one;
    /// qwamosd's only.
    /// </summary>
    public const string Report = "report";

    /// <summary>
    /// In which domains a change is in force: <c>args</c> is <c>{"index":N,"wait":S}</c>. The answer comes when nothing more can come, or after S seconds. May come unsigned;
    /// qwamosd's only.
    /// </summary>
    public const string GetInForce = "get_in_force";

    /// <summary>Whether a command's <c>args</c> carry their own signature, so that no envelope's may stand beside them.</summary>
    public static bool IsSelfAuthenticating(string command) => command is LedgerKey or DomainKey or Report or Checkpoint or TrustRoot or Deliver;

    /// <summary>A backup of the whole ledger: no <c>args</c>. Signed; takes no nonce's place; qwamosd's only.</summary>
    public const string Backup = "backup";

    /// <summary>A part of a backup that was made: <c>args</c> is <c>{"name":NAME,"offset":N}</c>. Signed; takes no nonce's place; qwamosd's only.</summary>
    public const string GetBackup = "get_backup";

    /// <summary>Whether a command only looks at what every peer of the socket may see, and so may come unsigned.</summary>
    public static bool IsRead(string command) => command is GetStatus or GetCheckpoint or GetEntries or GetProof or GetConsistency or GetTrustRoot or GetCursor or GetGrowth or GetEnvelope or GetDomains or GetReport or GetInForce;

    /// <summary>Whether a command gives confidential values: without a signature it has a form, and is <c>bad_signature</c>.</summary>
    public static bool IsForSigners(string command) => command is Backup or GetBackup;
}
