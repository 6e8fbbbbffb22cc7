using System.Security.Cryptography;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// Makes a public key the anchor (DESIGN section 4). A person compares the whole fingerprint and says yes, or gave it beforehand; an anchor that
/// stands is replaced only on demand, and never without a record.
/// </summary>
public sealed record Enrolment
{
    private const UnixFileMode AnchorMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public required SystemPaths Paths { get; init; }

    /// <summary>The file with the raw 32 bytes, taken as written.</summary>
    public required string File { get; init; }

    /// <summary>64 hex digits that must be the key's ID; with it nobody is asked.</summary>
    public string? Fingerprint { get; init; }

    public bool Replace { get; init; }

    /// <summary>The ID that the system is to have, Dom0's in a VM; null: the one that stands, or a fresh one.</summary>
    public string? System { get; init; }

    /// <summary>True where the system's ID is another machine's: none is made up, <see cref="System"/> must give it.</summary>
    public bool IsGateway { get; init; }

    /// <summary>Where a person answers; null when standard input is not a terminal.</summary>
    public TextReader? Terminal { get; init; }

    /// <summary>Where the fingerprint and the question go.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Records a replacement, or that the same key begins anew, before it is done: a crash between leaves a record too many, never one too few. The old ID is null when the old anchor was unreadable.</summary>
    public required Action<KeyId?, KeyId> RecordReplacement { get; init; }

    /// <summary>Runs it.</summary>
    /// <exception cref="IOException">Writing failed; the old anchor, or none, is in place.</exception>
    public EnrolmentOutcome Run()
    {
        Span<byte> raw = stackalloc byte[VerifyingKey.SizeBytes];
        if (KeyFile.Read(File, KeyFileRules.Given, raw, out string? fault) != KeyFileResult.Read)
            return EnrolmentOutcome.Refuse($"not enrolled: {fault}");
        if (IsPrivate(raw))
        {
            CryptographicOperations.ZeroMemory(raw);
            return EnrolmentOutcome.Refuse($"not enrolled: {SafeText.ForTerminal(File)}: that is the private key; give ed25519_pk");
        }
        if (!VerifyingKey.TryLoad(raw, out var key, out fault))
            return EnrolmentOutcome.Refuse($"not enrolled: {SafeText.ForTerminal(File)}: {fault}; {KeyFileRules.Given.Mend}");

        if (SystemFault() is { } badSystem)
            return EnrolmentOutcome.Refuse($"not enrolled: {badSystem}");

        Output.WriteLine($"key file     {SafeText.ForTerminal(File)}");
        Output.WriteLine($"fingerprint  {key.Id}");
        bool isAbsent = Posix.IsAbsent(Paths.AnchorFile);
        if (!isAbsent && !Replace)
            return KeepStanding(key);
        if (ConfirmationFault(key.Id) is { } unconfirmed)
            return EnrolmentOutcome.Refuse($"not enrolled: {unconfirmed}");
        return isAbsent ? Install(key) : ReplaceStanding(key);
    }

    private EnrolmentOutcome KeepStanding(VerifyingKey key)
    {
        if (!Anchor.TryLoad(Paths, fallbackKeyHome: null, out var standing, out var fault, IsGateway))
            return EnrolmentOutcome.Refuse($"not enrolled: the anchor that stands is bad: {fault.Text}");
        if (standing.Id != key.Id)
            return EnrolmentOutcome.Refuse($"not enrolled: another key is enrolled ({standing.Id}); to replace it add --replace");
        return WithSystemId(EnrolmentResult.AlreadyEnrolled, standing.Id, key.Id);
    }

    private EnrolmentOutcome Install(VerifyingKey key)
    {
        if (!Directory.Exists(Paths.EtcDir))
            TrialTree.MakeMissing(Paths);
        return DurableFile.CreateNew(Paths.AnchorFile, key.Raw, AnchorMode)
            ? WithSystemId(EnrolmentResult.Enrolled, null, key.Id)
            : EnrolmentOutcome.Refuse("not enrolled: another program enrolled a key at the same moment; look at it and run again");
    }

    private EnrolmentOutcome ReplaceStanding(VerifyingKey key)
    {
        KeyId? old = Anchor.TryLoad(Paths, fallbackKeyHome: null, out var standing, out _) ? standing.Id : null;
        if (old == key.Id)
        {
            // The same key begins anew, without the trust roots that other keys came by: root's way back when their holders are lost.
            RecordReplacement(old, key.Id);
            return WithSystemId(EnrolmentResult.AlreadyEnrolled, old, key.Id);
        }
        RecordReplacement(old, key.Id);
        DurableFile.Replace(Paths.AnchorFile, key.Raw, AnchorMode);
        return WithSystemId(EnrolmentResult.Replaced, old, key.Id);
    }

    /// <summary>Before anything is changed: whether <see cref="System"/> may be installed.</summary>
    private string? SystemFault()
    {
        if (System is null)
            return IsGateway && Posix.IsAbsent(Paths.SystemIdFile) ? $"this machine has no system ID yet: give --system HEX, the content of Dom0's {SystemPaths.Real.SystemIdFile}" : null;
        if (!SystemId.IsWellFormed(System))
            return $"a system ID has {SystemId.Digits} lower-case hex digits";
        if (Replace || Posix.IsAbsent(Paths.SystemIdFile))
            return null;
        if (!SystemId.TryLoad(Paths, out string? standing, out string? fault))
            return $"{fault}; or, to replace it, add --replace";
        return standing == System ? null : $"this system has another ID ({standing}); to replace it add --replace";
    }

    private EnrolmentOutcome WithSystemId(EnrolmentResult result, KeyId? old, KeyId id)
    {
        bool isNew = System is null && Posix.IsAbsent(Paths.SystemIdFile) && result != EnrolmentResult.Enrolled;
        string? systemId = System, fault;
        bool stands = System is null
            ? SystemId.TryLoadOrCreate(Paths, out systemId, out fault)
            : SystemId.TryReplace(Paths, System, out fault);
        return stands
            ? new EnrolmentOutcome(result, old, id, systemId, isNew ? $"A new system ID was made: {systemId}. Copy it to every VM." : $"system       {systemId}")
            : EnrolmentOutcome.Refuse($"the key stands, but the system ID does not: {fault}");
    }

    /// <summary>By its name, or because its public key is the one beside it: 32 bytes of a seed may be a point, too.</summary>
    private bool IsPrivate(ReadOnlySpan<byte> raw)
    {
        if (Path.GetFileName(File).EndsWith("_sk", StringComparison.Ordinal))
            return true;
        if (!SigningKey.TryLoad(raw, out var key, out _))
            return false;
        using (key)
        {
            var home = new KeyHome(Path.GetDirectoryName(Path.GetFullPath(File)) ?? "/");
            return home.TryLoadPublic(out var neighbour, out _) && neighbour.Id == key.Id;
        }
    }

    private string? ConfirmationFault(KeyId id)
    {
        if (Fingerprint is not null && (Fingerprint.Length != KeyId.Digits || !Fingerprint.All(char.IsAsciiHexDigit)))
            return $"--fingerprint takes the {KeyId.Digits} hex digits that `qwamosctl key show` shows, not {SafeText.ForTerminal(Fingerprint)}";
        if (Fingerprint is not null)
            return string.Equals(Fingerprint, id.ToString(), StringComparison.OrdinalIgnoreCase) ? null : "the fingerprint given is another key's";
        if (Terminal is null)
            return $"nobody can confirm the fingerprint here; run again with --fingerprint and the digits that `qwamosctl key show` shows";
        Output.Write("Is this the fingerprint that `qwamosctl key show` shows on the operator's machine? Type yes: ");
        Output.Flush();
        return Terminal.ReadLine()?.Trim() == "yes" ? null : "the fingerprint was not confirmed";
    }
}
