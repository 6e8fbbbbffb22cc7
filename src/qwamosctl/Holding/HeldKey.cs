using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Holding;

/// <summary>
/// The private key in an agent: it is there until it was not used for a time, or somebody locks it. The time is counted by two clocks, of which one stands
/// while the machine sleeps and the other may be set: what either says has passed, has.
/// </summary>
internal sealed class HeldKey(TimeProvider clock, TimeSpan lockAfter) : IDisposable
{
    private SigningKey? key;
    private long usedTicks;
    private DateTimeOffset used;

    public bool IsLocked => key is null;

    public TimeSpan LockAfter => lockAfter;

    /// <summary>Until it locks itself; zero when it is locked, or due to be.</summary>
    public TimeSpan Left
    {
        get
        {
            if (key is null)
                return TimeSpan.Zero;
            var passed = clock.GetElapsedTime(usedTicks);
            var byWall = clock.GetUtcNow() - used;
            var left = lockAfter - (byWall > passed ? byWall : passed);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    public void Unlock(SigningKey opened)
    {
        key?.Dispose();
        key = opened;
        Use();
    }

    /// <summary>False, and it is locked from now on, when its time has passed.</summary>
    public bool LockIfDue()
    {
        if (key is null || Left > TimeSpan.Zero)
            return false;
        Lock();
        return true;
    }

    /// <summary>Wipes the key.</summary>
    public void Lock()
    {
        key?.Dispose();
        key = null;
    }

    /// <summary>The signature; null when it is locked, or its time has passed.</summary>
    public byte[]? Sign(ReadOnlySpan<byte> data)
    {
        LockIfDue();
        if (key is null)
            return null;
        Use();
        return key.Sign(data);
    }

    public void Dispose() => Lock();

    private void Use() => (usedTicks, used) = (clock.GetTimestamp(), clock.GetUtcNow());
}
