using System.Reflection;
using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// SQLite is the one beside the program. Left to itself the runtime looks for a library of that name without "lib" first, in all of the system's folders: some
/// ninety calls at each start, and what it found there would count.
/// </summary>
internal static class SqliteLibrary
{
    static SqliteLibrary() => NativeLibrary.SetDllImportResolver(typeof(SQLitePCL.SQLite3Provider_e_sqlite3).Assembly, Load);

    /// <summary>To be called before SQLite's first use; does it once.</summary>
    internal static void Choose()
    {
        // The constructor has.
    }

    /// <summary>Zero leaves it to the runtime: under the just-in-time compiler it may lie elsewhere.</summary>
    private static nint Load(string name, Assembly assembly, DllImportSearchPath? where) =>
        NativeLibrary.TryLoad(Path.Combine(AppContext.BaseDirectory, $"lib{name}.so"), out var library) ? library : 0;
}
