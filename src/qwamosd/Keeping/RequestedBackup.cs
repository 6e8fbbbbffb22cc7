using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Keeping;

/// <summary>A backup that was asked for: being made, made, or failed. Read by any thread, changed by the one that makes it.</summary>
internal sealed class RequestedBackup(string name, MerkleTree tree)
{
    private volatile BackupFile? _file;
    private volatile Refusal? _failure;
    private volatile Pages _pages = new(0, 0);

    public string Name => name;

    /// <summary>The tree over its entries.</summary>
    public MerkleTree Tree => tree;

    /// <summary>The file; null while it is not made.</summary>
    public BackupFile? File => _file;

    /// <summary>Why there is none; null when there is, or will be.</summary>
    public Refusal? Failure => _failure;

    /// <summary>Database pages copied, and how many there are; 0 before the first.</summary>
    public (long Done, long All) Progress => (_pages.Done, _pages.All);

    public void Show(long done, long all) => _pages = new Pages(done, all);

    public void Finish(BackupFile file) => _file = file;

    public void Fail(Refusal why) => _failure = why;

    private sealed record Pages(long Done, long All);
}
