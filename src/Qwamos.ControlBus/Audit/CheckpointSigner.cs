using System.Text;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// The ledger's own key. It takes a <see cref="Checkpoint"/> and nothing else, so that no other bytes can be had signed with it; a policy
/// message starts with <c>{</c> and a checkpoint with its origin, so neither signature stands for the other (ATTACKS 8).
/// </summary>
public sealed class CheckpointSigner : IDisposable
{
    private readonly SigningKey _key;
    private readonly CosignatureKey _clock;

    /// <param name="key">Belongs to this signer from here on.</param>
    /// <param name="origin">The only log that it signs for.</param>
    internal CheckpointSigner(SigningKey key, string origin)
    {
        _key = key;
        Key = new NoteVerifierKey(origin, key.Public);
        _clock = CosignatureKey.Of(Key);
    }

    /// <summary>What an auditor is given; its name is the origin.</summary>
    public NoteVerifierKey Key { get; }

    /// <summary>The key's ID among the operators' keys, which must not have it.</summary>
    public KeyId Id => _key.Id;

    /// <summary>
    /// Signs a tree of this ledger: one line that is the same for a tree whenever it is made, and one that adds the time. The caller answers
    /// for its being a tree that extends all those signed before.
    /// </summary>
    /// <param name="checkpoint">The tree.</param>
    /// <param name="timeSeconds">Now, unix seconds, from 0 on.</param>
    /// <exception cref="ArgumentException">The checkpoint is of another log.</exception>
    public SignedNote Sign(Checkpoint checkpoint, long timeSeconds)
    {
        if (checkpoint.Origin != Key.Name)
            throw new ArgumentException($"this key signs for {Key.Name} only", nameof(checkpoint));
        var text = checkpoint.ToText();
        return new SignedNote(text, [new NoteSignature(Key.Name, Key.KeyHash, _key.Sign(Encoding.UTF8.GetBytes(text))), _clock.Sign(_key, checkpoint, timeSeconds)]);
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
