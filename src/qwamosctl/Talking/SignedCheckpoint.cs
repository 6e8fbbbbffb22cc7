using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Talking;

/// <summary>A checkpoint as it came, opened with the key that came with it: sound, but whose key that is must be known otherwise.</summary>
internal sealed record SignedCheckpoint(byte[] Note, Checkpoint Checkpoint, NoteVerifierKey Key);
