namespace Qwamos.Load;

/// <summary>One connection's side of a protocol: how a request is written, and what an answer is. It only makes and takes bytes.</summary>
internal abstract class Conversation
{
    /// <summary>More than any request takes.</summary>
    public const int MaxRequestBytes = 2_048;

    /// <summary>Sent once, before the first request.</summary>
    public virtual ReadOnlySpan<byte> Opening => default;

    /// <summary>Writes request number <paramref name="index"/>; how long it is.</summary>
    public abstract int Write(int index, Span<byte> to);

    /// <summary>Takes one piece off what was received: how long it is, 0 when it has not arrived whole.</summary>
    public abstract int Take(ReadOnlySpan<byte> received, out Outcome outcome);
}
