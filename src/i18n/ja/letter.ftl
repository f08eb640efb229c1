# Words of letter
