using Qwamos.ControlBus.Audit;

namespace Qwamos.ControlBus.Tests.Audit;

/// <summary>Checkpoints of tests that do not care for the time.</summary>
internal static class TestCheckpoints
{
    public const long Seconds = 1_800_000_000;

    public static SignedNote Sign(this CheckpointSigner signer, Checkpoint checkpoint) => signer.Sign(checkpoint, Seconds);
}
