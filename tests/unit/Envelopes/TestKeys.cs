using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>Keys that everybody knows: fixed, so that vectors are the same at each run.</summary>
internal static class TestKeys
{
    public static SigningKey Operator { get; } = Load(0x00);

    public static SigningKey Second { get; } = Load(0x20);

    /// <summary>Never active.</summary>
    public static SigningKey Stranger { get; } = Load(0x40);

    /// <summary>Bytes first, first + 1, ... first + 31.</summary>
    public static byte[] Seed(byte first) => [.. Enumerable.Range(first, SigningKey.SeedSizeBytes).Select(i => (byte)i)];

    private static SigningKey Load(byte first) =>
        SigningKey.TryLoad(Seed(first), out var key, out string? fault) ? key : throw new InvalidOperationException(fault);
}
