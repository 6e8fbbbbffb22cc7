namespace Qwamos.ControlBus.Files;

/// <summary>What a trusted path must be. Its parents are judged by <see cref="SafePath"/> in every case.</summary>
public sealed record PathRules
{
    /// <summary>A configuration file: regular, one name, root's, written by nobody else.</summary>
    public static PathRules TrustedFile { get; } = new();

    /// <summary>A hook: as a configuration file, and executable by its owner.</summary>
    public static PathRules TrustedExecutable { get; } = new() { MustBeExecutable = true };

    /// <summary>A directory of configuration: root's, written by nobody else.</summary>
    public static PathRules TrustedDirectory { get; } = new() { Kind = FileKind.Directory };

    /// <summary>A file this process's own user (or root) writes and may trust, e.g. a ledger.</summary>
    public static PathRules OwnFile { get; } = new() { MayBeOwn = true };

    /// <summary>A directory this process's own user (or root) writes and may trust, e.g. /var/lib/qwamos.</summary>
    public static PathRules OwnDirectory { get; } = new() { Kind = FileKind.Directory, MayBeOwn = true };

    /// <summary>A private key: this user's alone, readable by nobody else.</summary>
    public static PathRules SecretFile { get; } = new() { MayBeOwn = true, MustBeOwn = true, MustBeSecret = true };

    /// <summary>A key home: this user's alone, mode 0700.</summary>
    public static PathRules SecretDirectory { get; } = new() { Kind = FileKind.Directory, MayBeOwn = true, MustBeOwn = true, MustBeSecret = true };

    /// <summary>Regular file or directory.</summary>
    public FileKind Kind { get; init; } = FileKind.Regular;

    /// <summary>The owner may be this process's user as well as root; the same then holds for the parents.</summary>
    public bool MayBeOwn { get; init; }

    /// <summary>The owner must be this process's user, under `--root` too.</summary>
    public bool MustBeOwn { get; init; }

    /// <summary>Group and others have no rights at all.</summary>
    public bool MustBeSecret { get; init; }

    /// <summary>The owner may execute it.</summary>
    public bool MustBeExecutable { get; init; }
}
