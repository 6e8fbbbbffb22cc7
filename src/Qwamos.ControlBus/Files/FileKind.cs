namespace Qwamos.ControlBus.Files;

/// <summary>The type bits of st_mode.</summary>
public enum FileKind
{
    /// <summary>A type this program has no use for.</summary>
    Other = 0,
    Fifo,
    CharacterDevice,
    Directory,
    BlockDevice,
    Regular,
    SymbolicLink,
    Socket,
}
