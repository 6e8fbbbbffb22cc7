namespace Qwamos.ControlBus.Ledger;

/// <summary>A backup that was made.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Of its bytes, 64 lower-case hex digits.</param>
public sealed record BackupFile(string Path, long Bytes, string Sha256);
