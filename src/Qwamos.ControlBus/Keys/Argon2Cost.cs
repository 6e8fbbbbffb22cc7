namespace Qwamos.ControlBus.Keys;

/// <summary>What it costs to try one passphrase: the parameters of Argon2id (RFC 9106).</summary>
/// <param name="MemoryKibibytes">Memory, KiB.</param>
/// <param name="Passes">Passes over that memory.</param>
/// <param name="Lanes">Parallelism.</param>
public readonly record struct Argon2Cost(int MemoryKibibytes, int Passes, int Lanes)
{
    /// <summary>For a new file: 64 MiB and 3 passes, a few tenths of a second.</summary>
    public static Argon2Cost Default { get; } = new(Limits.Argon2MemoryKibibytes, Limits.Argon2Passes, Limits.Argon2Lanes);

    /// <summary>What is beyond the bounds, or null: a file must not make a program take all memory or time.</summary>
    internal string? Fault =>
        MemoryKibibytes is < Limits.MinArgon2MemoryKibibytes or > Limits.MaxArgon2MemoryKibibytes
            ? $"it asks for {MemoryKibibytes} KiB of memory, and {Limits.MinArgon2MemoryKibibytes} to {Limits.MaxArgon2MemoryKibibytes} are allowed"
        : Passes is < 1 or > Limits.MaxArgon2Passes ? $"it asks for {Passes} passes, and 1 to {Limits.MaxArgon2Passes} are allowed"
        : Lanes != Limits.Argon2Lanes ? $"it asks for {Lanes} lanes, and only {Limits.Argon2Lanes} can be calculated"
        : null;
}
