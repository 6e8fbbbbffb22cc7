using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Auditing;

/// <summary>
/// Signs the tree of what is published, which is durable before it is published: a checkpoint never promises an entry that a power cut can
/// take, and each covers all that the ones before it do. Thread-safe.
/// </summary>
internal sealed class Checkpoints(CheckpointSigner signer, Func<PublishedState> published, TimeProvider time)
{
    private readonly Lock _turn = new();
    private readonly string _key = signer.Key.ToString();
    private volatile SignedTree? _newest;

    /// <summary>What the ledger's checkpoints are checked with.</summary>
    public NoteVerifierKey Key => signer.Key;

    /// <summary>The newest one made; null before the first. Costs nothing, and may be a second behind the ledger.</summary>
    public SignedTree? Made => _newest;

    /// <summary>What every answer carries of the newest one made.</summary>
    public IReadOnlyList<(string Name, JsonValue Value)> Carried => _newest?.Members ?? [];

    /// <summary>The operator's recorded statement about that key; null while there is none.</summary>
    public LedgerKeyStatement? Statement => StatementIn(published());

    /// <summary>A checkpoint that covers every entry durable now.</summary>
    public SignedTree Newest()
    {
        lock (_turn)
            return _newest is { } made && made.Size == published().Size ? made : Make();
    }

    /// <summary>The same with the time of now.</summary>
    public SignedTree Renew()
    {
        lock (_turn)
            return Make();
    }

    private LedgerKeyStatement? StatementIn(PublishedState state) =>
        state.Policy.LedgerKey is { } recorded && recorded.Statement.Key == _key ? recorded.Statement : null;

    private SignedTree Make()
    {
        PublishedState now = published();
        var checkpoint = Checkpoint.Of(signer.Key.Name, now.Tree);
        long seconds = Math.Max(0, time.GetUtcNow().ToUnixTimeSeconds());
        return _newest = new SignedTree(checkpoint, signer.Sign(checkpoint, seconds).ToString(), seconds, _key, StatementIn(now));
    }
}
