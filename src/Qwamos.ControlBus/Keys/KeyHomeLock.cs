using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>Held by whoever changes the files of a key home; another who wants to is refused, not kept waiting. It ends with the process.</summary>
public static class KeyHomeLock
{
    /// <summary>Disposing of it ends it. Not twice in one process.</summary>
    /// <exception cref="IOException">Another program holds it, or the folder cannot be opened.</exception>
    public static IDisposable Take(string directory)
    {
        var held = Posix.OpenDirectory(directory);
        if (Libc.Flock(held, Libc.LOCK_EX | Libc.LOCK_NB) == 0)
            return held;
        held.Dispose();
        throw new IOException($"another program is changing the key in {SafeText.ForTerminal(directory)}; wait until it is done, and run the command again");
    }
}
