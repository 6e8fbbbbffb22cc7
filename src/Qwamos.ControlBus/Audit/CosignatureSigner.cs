using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>A witness's own key. It takes a <see cref="Checkpoint"/> and a time, and nothing else, so that no other bytes can be had signed with it.</summary>
public sealed class CosignatureSigner : IDisposable
{
    private readonly SigningKey _key;

    /// <param name="key">Belongs to this signer from here on.</param>
    /// <param name="name">The witness's name.</param>
    internal CosignatureSigner(SigningKey key, string name)
    {
        _key = key;
        Key = new CosignatureKey(name, key.Public);
    }

    /// <summary>What an auditor is given.</summary>
    public CosignatureKey Key { get; }

    /// <summary>The line to put under the checkpoint. The caller answers for the tree's beginning with all those cosigned before, and keeps it durably first.</summary>
    /// <param name="checkpoint">What was seen, its signature verified.</param>
    /// <param name="timeSeconds">Now, unix seconds.</param>
    public NoteSignature Cosign(Checkpoint checkpoint, long timeSeconds) => Key.Sign(_key, checkpoint, timeSeconds);

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
