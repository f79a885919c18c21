; Windows installer: per user, no administrator needed, .gguf opens with Heft.
;   makensis -WX -DVERSION=0.1.0 -DPAYLOAD=folder -DICON=heft.ico -DTARGET=Heft-0.1.0-x64-setup.exe heft.nsi
; PAYLOAD is the folder that PyInstaller made on Windows, with HeftWindow.exe and heft.exe.

Unicode true
Target amd64-unicode
!ifdef STAND_IN
    SetCompress off ; only the script is checked, which takes minutes less without
!else
    SetCompressor /SOLID lzma
!endif
RequestExecutionLevel user
ManifestDPIAware true

!include "MUI2.nsh"
!include "FileFunc.nsh"

!define PROGRAM "HeftWindow.exe"
!define TYPE "Heft.Model"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Heft"
!define CLASSES "Software\Classes"

Name "Heft ${VERSION}"
OutFile "${TARGET}"
InstallDir "$LOCALAPPDATA\Programs\Heft"
InstallDirRegKey HKCU "Software\Heft" "Folder"

VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Heft"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Installer of Heft"
VIAddVersionKey "LegalCopyright" "Apache-2.0"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Windows refuses to replace or remove a program that runs: said before anything else is touched.
!macro WAIT_FOR_END
    ClearErrors
    Delete "$INSTDIR\${PROGRAM}"
    Delete "$INSTDIR\heft.exe"
    IfErrors 0 +3
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Heft is running. Close it, then go on." /SD IDCANCEL IDRETRY -4
    Abort "Heft is running. Close it, then start again."
!macroend

Section "Heft"
    !insertmacro WAIT_FOR_END
    ; an older version's files must not be mixed with this one's
    RMDir /r "$INSTDIR\_internal"
    SetOutPath "$INSTDIR"
    File /r "${PAYLOAD}\*"
    File "/oname=heft.ico" "${ICON}"
    WriteUninstaller "$INSTDIR\uninstall.exe"

    CreateShortcut "$SMPROGRAMS\Heft.lnk" "$INSTDIR\${PROGRAM}" "" "$INSTDIR\heft.ico"
    WriteRegStr HKCU "Software\Heft" "Folder" "$INSTDIR"

    WriteRegStr HKCU "${CLASSES}\${TYPE}" "" "GGUF language model"
    WriteRegStr HKCU "${CLASSES}\${TYPE}\DefaultIcon" "" "$INSTDIR\heft.ico"
    WriteRegStr HKCU "${CLASSES}\${TYPE}\shell\open" "" "Open with Heft"
    WriteRegStr HKCU "${CLASSES}\${TYPE}\shell\open\command" "" '"$INSTDIR\${PROGRAM}" "%1"'
    WriteRegStr HKCU "${CLASSES}\.gguf\OpenWithProgids" "${TYPE}" ""
    ; taken only where no other program has it
    ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""
    StrCmp $0 "" 0 +2
    WriteRegStr HKCU "${CLASSES}\.gguf" "" "${TYPE}"

    ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
    IntFmt $0 "0x%08X" $0
    WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Heft"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\heft.ico"
    WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Heft authors"
    WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
    WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
    WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" "$0"
    WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
    WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
    ; SHCNE_ASSOCCHANGED: the desktop shows the new file type at once
    System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
SectionEnd

Section "Uninstall"
    !insertmacro WAIT_FOR_END
    ; chats, settings and models lie elsewhere and stay
    RMDir /r "$INSTDIR\_internal"
    Delete "$INSTDIR\*.exe"
    Delete "$INSTDIR\heft.ico"
    RMDir "$INSTDIR"
    Delete "$SMPROGRAMS\Heft.lnk"
    ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""
    StrCmp $0 "${TYPE}" 0 +2
    DeleteRegValue HKCU "${CLASSES}\.gguf" ""
    DeleteRegValue HKCU "${CLASSES}\.gguf\OpenWithProgids" "${TYPE}"
    DeleteRegKey /ifnosubkeys /ifnovalues HKCU "${CLASSES}\.gguf\OpenWithProgids"
    DeleteRegKey /ifnosubkeys /ifnovalues HKCU "${CLASSES}\.gguf"
    DeleteRegKey HKCU "${CLASSES}\${TYPE}"
    DeleteRegKey HKCU "${UNINSTALL}"
    DeleteRegKey HKCU "Software\Heft"
    System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
SectionEnd
