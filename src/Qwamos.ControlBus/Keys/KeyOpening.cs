namespace Qwamos.ControlBus.Keys;

/// <summary>What became of opening a protected private key.</summary>
public enum KeyOpening
{
    /// <summary>The passphrase is wrong, or the file was changed: nobody can tell the two apart.</summary>
    WrongPassphrase = 0,

    Opened,

    /// <summary>This machine has not the memory that the file asks for.</summary>
    NoMemory,
}
